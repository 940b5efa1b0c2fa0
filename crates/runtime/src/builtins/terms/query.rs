//! Questions to facts and rules: what follows from them, found from the question backwards.
//!
//! In: a goal, facts, rules. Out: what the goal's variables may stand for. Facts and rules are tried in their order, one goal after the
//! other, and what was tried in vain is taken back.
//!
//! A goal that a rule leads to while the same one is being asked is not asked again, lest it goes round for ever. It is met with what has
//! been found of it so far, and as long as that grows the whole question is asked once more.

use moor_value::{ErrorCode, List, Value};
use rustc_hash::FxHashMap;

use super::SearchBounds;
use super::store::{Budget, Mark, Ref, Store, within};
use super::term::{Names, Seen, Term};
use crate::builtins::Raise;

/// A term with variables of its own.
struct Fact<'a> {
    term: Term<'a>,
    variables: usize,
}

/// A head that is so if the terms of the body are.
struct Rule<'a> {
    head: Term<'a>,
    body: Vec<Term<'a>>,
    variables: usize,
}

/// What is asked.
pub(super) struct Query<'a> {
    bounds: SearchBounds,
    facts: Vec<Fact<'a>>,
    rules: Vec<Rule<'a>>,
}

impl<'a> Query<'a> {
    /// Reads facts and rules.
    ///
    /// # Errors
    /// E_INVARG for a rule that is none: `{head, {terms...}}`, where the body has every variable of the head.
    pub(super) fn read(
        budget: &mut Budget<'_, '_>,
        bounds: SearchBounds,
        facts: &'a List,
        rules: Option<&'a List>,
    ) -> Result<Self, Raise> {
        let facts = facts.iter().map(|fact| {
            let mut names = Names::default();
            let term = Term::read(budget, &mut names, fact)?;
            let variables = names.len();
            Ok(Fact { term, variables })
        });
        let facts = facts.collect::<Result<_, Raise>>()?;
        let rules = rules.map(List::as_slice).unwrap_or_default();
        let rules = rules.iter().map(|rule| Rule::read(budget, rule));
        Ok(Self {
            bounds,
            facts,
            rules: rules.collect::<Result<_, Raise>>()?,
        })
    }

    /// What the variables of a goal may stand for; of some this is known.
    pub(super) fn answers(
        &self,
        budget: &mut Budget<'_, '_>,
        goal: &Term<'_>,
        names: &Names,
        known: &[Option<&Value>],
    ) -> Result<Value, Raise> {
        let mut tables = Tables::default();
        let (mut found, mut seen) = (List::new(), Seen::default());
        let mut steps = 0;
        loop {
            let mut search = Search::new(self, &tables, known, steps);
            search.begin(Ref::Term(goal, 0));
            while search.run(budget)? {
                let map = Value::Map(search.store.named(budget, names)?);
                if !self.bounds.dedupe || seen.insert(budget.call, &map)? {
                    found.push(map);
                    budget.call.allow_list(&found)?;
                }
                if found.len() >= self.bounds.solutions_max {
                    return Ok(found.into());
                }
            }
            steps = search.steps;
            let (grown, was_cut) = (search.grown, search.was_cut);
            if !was_cut || !tables.grow(budget, grown)? {
                return Ok(found.into());
            }
        }
    }
}

impl<'a> Rule<'a> {
    fn read(budget: &mut Budget<'_, '_>, rule: &'a Value) -> Result<Self, Raise> {
        let parts = rule.as_list().map(List::as_slice);
        let Some([head, Value::List(body)]) = parts else {
            return Err(ErrorCode::InvArg.into());
        };
        let mut names = Names::default();
        let terms = body.iter();
        let terms = terms.map(|term| Term::read(budget, &mut names, term));
        let terms: Vec<Term<'_>> = terms.collect::<Result<_, Raise>>()?;
        let variables = names.len();
        let head = Term::read(budget, &mut names, head)?;
        match names.len() == variables && !terms.is_empty() {
            true => Ok(Self {
                head,
                body: terms,
                variables,
            }),
            false => Err(ErrorCode::InvArg.into()),
        }
    }
}

/// What rules have led to, for each goal that was asked.
#[derive(Default)]
struct Tables(FxHashMap<String, Vec<Table>>);

struct Table {
    goal: Value,
    answers: Vec<Value>,
    seen: Seen,
}

impl Tables {
    /// What has been found of a goal.
    fn find(&self, goal: &Value) -> &[Value] {
        let alike = self.0.get(&goal.to_literal());
        let table = alike.and_then(|alike| alike.iter().find(|table| table.goal == *goal));
        table.map_or(&[], |table| &table.answers)
    }

    /// Takes in what was found of goals. Whether any of it is new.
    fn grow(&mut self, budget: &mut Budget<'_, '_>, grown: Vec<Answer>) -> Result<bool, Raise> {
        let mut is_new = false;
        for Answer { goal, value } in grown {
            budget.call.charge(2 * goal.bytes())?;
            let alike = self.0.entry(goal.to_literal()).or_default();
            let known = alike.iter().position(|table| table.goal == goal);
            let at = known.unwrap_or_else(|| {
                let (answers, seen) = (Vec::new(), Seen::default());
                alike.push(Table {
                    goal,
                    answers,
                    seen,
                });
                alike.len() - 1
            });
            if alike[at].seen.insert(budget.call, &value)? {
                alike[at].answers.push(value);
                is_new = true;
            }
        }
        Ok(is_new)
    }
}

/// A goal, with its variables in their order, and what a rule has made of it.
struct Answer {
    goal: Value,
    value: Value,
}

/// What is to be done, before what stands at `next`.
struct Node<'q> {
    what: Task<'q>,
    next: Option<usize>,
    /// The innermost call of a rule that it belongs to.
    caller: Option<usize>,
    /// How many calls there are about it.
    depth: usize,
}

enum Task<'q> {
    /// Find out what a goal stands for.
    Ask(Ref<'q>),
    /// A goal has been found by a rule; it was asked in this form.
    Found(Ref<'q>, Value),
}

/// A goal that a rule was called for.
struct Asked {
    goal: Value,
    caller: Option<usize>,
}

/// A goal with what has not been tried yet.
struct Choice<'q> {
    node: usize,
    /// Facts come first, then rules or answers.
    candidate: usize,
    /// What is tried behind the facts.
    behind: Behind<'q>,
    mark: Mark,
    nodes: usize,
    asked: usize,
}

enum Behind<'q> {
    /// It has not been looked at.
    Unknown,
    /// Rules, for a goal of this form.
    Rules(Value),
    /// What has been found so far, as the goal is being asked.
    Answers(&'q [Value]),
}

/// Where a search goes on.
enum Next {
    Node(Option<usize>),
    Back,
}

/// One way through all that can be tried.
struct Search<'q> {
    query: &'q Query<'q>,
    tables: &'q Tables,
    store: Store<'q>,
    nodes: Vec<Node<'q>>,
    asked: Vec<Asked>,
    choices: Vec<Choice<'q>>,
    next: Next,
    steps: usize,
    /// What rules have led to, and how large it is.
    grown: Vec<Answer>,
    grown_bytes: usize,
    /// Whether a goal was not asked again.
    was_cut: bool,
}

impl<'q> Search<'q> {
    fn new(
        query: &'q Query<'q>,
        tables: &'q Tables,
        known: &[Option<&'q Value>],
        steps: usize,
    ) -> Self {
        Self {
            query,
            tables,
            store: Store::knowing(known),
            nodes: Vec::new(),
            asked: Vec::new(),
            choices: Vec::new(),
            next: Next::Back,
            steps,
            grown: Vec::new(),
            grown_bytes: 0,
            was_cut: false,
        }
    }

    fn begin(&mut self, goal: Ref<'q>) {
        let first = self.push(Task::Ask(goal), None, None, 0);
        self.next = Next::Node(Some(first));
    }

    fn push(
        &mut self,
        what: Task<'q>,
        next: Option<usize>,
        caller: Option<usize>,
        depth: usize,
    ) -> usize {
        self.nodes.push(Node {
            what,
            next,
            caller,
            depth,
        });
        self.nodes.len() - 1
    }

    /// Goes on to the next answer, if there is one.
    fn run(&mut self, budget: &mut Budget<'_, '_>) -> Result<bool, Raise> {
        loop {
            match std::mem::replace(&mut self.next, Next::Back) {
                Next::Node(None) => return Ok(true),
                Next::Node(Some(at)) => self.take_up(budget, at)?,
                Next::Back => {
                    let Some(choice) = self.choices.last() else {
                        return Ok(false);
                    };
                    self.store.back_to(choice.mark);
                    self.nodes.truncate(choice.nodes);
                    self.asked.truncate(choice.asked);
                    self.try_next(budget)?;
                }
            }
        }
    }

    /// Does what a node says.
    fn take_up(&mut self, budget: &mut Budget<'_, '_>, at: usize) -> Result<(), Raise> {
        let node = &self.nodes[at];
        match &node.what {
            Task::Ask(_) => {
                self.choices.push(Choice {
                    node: at,
                    candidate: 0,
                    behind: Behind::Unknown,
                    mark: self.store.mark(),
                    nodes: self.nodes.len(),
                    asked: self.asked.len(),
                });
                self.step(budget)
            }
            Task::Found(goal, asked) => {
                // What has variables left is no answer for others.
                if let Some(value) = self.store.ground(budget, *goal)? {
                    self.grown_bytes += value.bytes() + asked.bytes();
                    let goal = asked.clone();
                    self.grown.push(Answer { goal, value });
                    if self.grown_bytes > budget.call.limits.list_bytes_max {
                        return Err(ErrorCode::Quota.into());
                    }
                }
                self.next = Next::Node(node.next);
                Ok(())
            }
        }
    }

    /// Tries the next candidate of the innermost choice, which is given up behind the last one.
    fn try_next(&mut self, budget: &mut Budget<'_, '_>) -> Result<(), Raise> {
        let query = self.query;
        let Some(choice) = self.choices.last_mut() else {
            return Ok(());
        };
        let (at, candidate) = (choice.node, choice.candidate);
        choice.candidate += 1;
        let Task::Ask(goal) = self.nodes[at].what else {
            return Ok(());
        };
        if let Some(fact) = query.facts.get(candidate) {
            let first = self.store.fresh(fact.variables);
            return self.meet(budget, at, goal, Ref::Term(&fact.term, first));
        }
        self.look_behind(budget, at, goal)?;
        let candidate = candidate - query.facts.len();
        match self.choices.last().map(|choice| &choice.behind) {
            Some(Behind::Rules(asked)) if candidate < query.rules.len() => {
                let asked = asked.clone();
                self.call(budget, at, goal, &query.rules[candidate], asked)
            }
            Some(Behind::Answers(answers)) if candidate < answers.len() => {
                let answers: &'q [Value] = answers;
                self.meet(budget, at, goal, Ref::Value(&answers[candidate]))
            }
            _ => {
                self.choices.pop();
                Ok(())
            }
        }
    }

    /// Finds out what is tried for a goal behind the facts.
    fn look_behind(
        &mut self,
        budget: &mut Budget<'_, '_>,
        at: usize,
        goal: Ref<'q>,
    ) -> Result<(), Raise> {
        let Some(Choice {
            behind: Behind::Unknown,
            ..
        }) = self.choices.last()
        else {
            return Ok(());
        };
        let behind = match self.query.bounds.dedupe && !self.query.rules.is_empty() {
            false => Behind::Rules(Value::ZERO),
            true => {
                let form = self.store.normal(budget, goal)?;
                match self.is_being_asked(budget, at, &form)? {
                    false => Behind::Rules(form),
                    true => {
                        self.was_cut = true;
                        budget.call.charge(2 * form.bytes())?;
                        Behind::Answers(self.tables.find(&form))
                    }
                }
            }
        };
        if let Some(choice) = self.choices.last_mut() {
            choice.behind = behind;
        }
        Ok(())
    }

    /// Whether a goal of that form led to this one.
    fn is_being_asked(
        &self,
        budget: &mut Budget<'_, '_>,
        at: usize,
        form: &Value,
    ) -> Result<bool, Raise> {
        let mut caller = self.nodes[at].caller;
        while let Some(asked) = caller.map(|at| &self.asked[at]) {
            budget.call.charge(form.bytes())?;
            if asked.goal == *form {
                return Ok(true);
            }
            caller = asked.caller;
        }
        Ok(false)
    }

    /// The goal is what has been found, if they can be made equal.
    fn meet(
        &mut self,
        budget: &mut Budget<'_, '_>,
        at: usize,
        goal: Ref<'q>,
        found: Ref<'q>,
    ) -> Result<(), Raise> {
        if self.store.unify(budget, goal, found)? {
            self.step(budget)?;
            self.next = Next::Node(self.nodes[at].next);
        }
        Ok(())
    }

    /// The goal is the head of a rule, if they can be made equal: then all terms of the body are to be found.
    fn call(
        &mut self,
        budget: &mut Budget<'_, '_>,
        at: usize,
        goal: Ref<'q>,
        rule: &'q Rule<'q>,
        asked: Value,
    ) -> Result<(), Raise> {
        let first = self.store.fresh(rule.variables);
        if !self
            .store
            .unify(budget, goal, Ref::Term(&rule.head, first))?
        {
            return Ok(());
        }
        self.step(budget)?;
        let Node {
            next,
            caller,
            depth,
            ..
        } = self.nodes[at];
        within(depth < budget.bounds.depth_max)?;
        self.asked.push(Asked {
            goal: asked.clone(),
            caller,
        });
        let own = Some(self.asked.len() - 1);
        let mut next = match self.query.bounds.dedupe {
            true => Some(self.push(Task::Found(goal, asked), next, caller, depth)),
            false => next,
        };
        for term in rule.body.iter().rev() {
            let what = Task::Ask(Ref::Term(term, first));
            next = Some(self.push(what, next, own, depth + 1));
        }
        self.next = Next::Node(next);
        Ok(())
    }

    /// Accounts for a step of the search.
    fn step(&mut self, budget: &mut Budget<'_, '_>) -> Result<(), Raise> {
        budget.enter(0)?;
        self.steps += 1;
        within(self.steps <= self.query.bounds.steps_max)
    }
}
