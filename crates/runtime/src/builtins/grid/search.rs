//! Searches from one point of a map of tiles.
//! In: walls, rules of movement, a start. Out: a shortest way, or all points that can be reached.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use moor_value::ErrorCode;

use super::{Point, Walls};
use crate::builtins::{Call, Raise};

/// Steps of work that a look at a point is.
const POINT_STEPS: usize = 64;

/// The steps that there are; those aslant are the last ones.
const DIRECTIONS: [Point; 8] = [
    (0, -1),
    (1, 0),
    (0, 1),
    (-1, 0),
    (1, -1),
    (1, 1),
    (-1, 1),
    (-1, -1),
];

/// How one may move, and how far a search goes.
pub(super) struct Search<'a> {
    pub(super) walls: &'a Walls<'a>,
    /// Whether there are steps aslant.
    pub(super) aslant: bool,
    /// Whether these may pass walls.
    pub(super) cuts_corners: bool,
    /// Points that may be visited.
    pub(super) nodes_max: usize,
}

/// What a search for a way has found.
pub(super) struct Found {
    /// The points behind the start; none if there is no way.
    pub(super) path: Option<Vec<Point>>,
    /// How many points were visited.
    pub(super) visited: usize,
}

impl Search<'_> {
    /// The points that one step leads to.
    fn next(&self, (x, y): Point) -> impl Iterator<Item = Point> {
        let count = if self.aslant { 8 } else { 4 };
        let is_free = move |point: Point| self.walls.size.has(point) && !self.walls.is_solid(point);
        let directions = DIRECTIONS[..count].iter();
        directions.filter_map(move |&(dx, dy)| {
            let point = (x + dx, y + dy);
            let is_aslant = dx != 0 && dy != 0;
            let passes =
                !is_aslant || self.cuts_corners || is_free((x + dx, y)) && is_free((x, y + dy));
            (is_free(point) && passes).then_some(point)
        })
    }

    /// The least number of steps between two points.
    fn distance(&self, (x, y): Point, (goal_x, goal_y): Point) -> u64 {
        let (dx, dy) = (x.abs_diff(goal_x), y.abs_diff(goal_y));
        match self.aslant {
            true => dx.max(dy),
            false => dx + dy,
        }
    }

    /// Where something about each point is kept.
    fn table<T: Copy>(&self, call: &mut Call<'_>, empty: T) -> Result<Vec<T>, Raise> {
        let size = self.walls.size;
        let last = size.index((size.width - 1, size.height - 1));
        let count = 1 + last.ok_or(ErrorCode::Quota)?;
        call.charge(count)?;
        Ok(vec![empty; count])
    }

    fn index(&self, point: Point) -> Result<usize, Raise> {
        let index = self.walls.size.index(point);
        index.ok_or_else(|| ErrorCode::InvArg.into())
    }

    /// E_MAXREC for more visits than there may be.
    fn visit(&self, call: &mut Call<'_>, visited: &mut usize) -> Result<(), Raise> {
        call.charge(POINT_STEPS)?;
        *visited += 1;
        match *visited <= self.nodes_max {
            true => Ok(()),
            false => Err(ErrorCode::MaxRec.into()),
        }
    }
}

/// A shortest way, where each step counts the same (A*). Of points that promise the same, the one nearer to the goal comes first, then the
/// one that was seen first.
pub(super) fn find(
    call: &mut Call<'_>,
    search: &Search<'_>,
    start: Point,
    goal: Point,
) -> Result<Found, Raise> {
    let mut visited = 0;
    if search.walls.is_solid(goal) {
        return Ok(Found {
            path: None,
            visited,
        });
    }
    // The steps to a point that are known, and where the last one comes from.
    let mut known = search.table(call, (u32::MAX, u32::MAX))?;
    let mut is_done = search.table(call, false)?;
    let mut open = BinaryHeap::new();
    let begin = search.index(start)?;
    known[begin].0 = 0;
    let rest = search.distance(start, goal);
    open.push(Reverse((rest, rest, 0_u64, begin)));
    let mut seen = 0;
    while let Some(Reverse((_, _, _, at))) = open.pop() {
        if std::mem::replace(&mut is_done[at], true) {
            continue;
        }
        search.visit(call, &mut visited)?;
        let point = search.walls.size.point_at(at);
        if point == goal {
            let path = Some(path_to(search, &known, at));
            return Ok(Found { path, visited });
        }
        let steps = known[at].0 + 1;
        for next in search.next(point) {
            let index = search.index(next)?;
            if steps < known[index].0 {
                known[index] = (steps, at as u32);
                seen += 1;
                let rest = search.distance(next, goal);
                open.push(Reverse((u64::from(steps) + rest, rest, seen, index)));
            }
        }
    }
    Ok(Found {
        path: None,
        visited,
    })
}

/// The points behind the start, up to the goal.
fn path_to(search: &Search<'_>, known: &[(u32, u32)], goal: usize) -> Vec<Point> {
    let mut path = Vec::new();
    let mut at = goal;
    while known[at].0 > 0 {
        path.push(search.walls.size.point_at(at));
        at = known[at].1 as usize;
    }
    path.reverse();
    path
}

/// The start and all points that can be reached, nearer ones first; nothing if the start is a wall.
pub(super) fn region(
    call: &mut Call<'_>,
    search: &Search<'_>,
    start: Point,
) -> Result<Vec<Point>, Raise> {
    let mut found = Vec::new();
    if search.walls.is_solid(start) {
        return Ok(found);
    }
    let mut is_seen = search.table(call, false)?;
    is_seen[search.index(start)?] = true;
    let mut open = VecDeque::from([start]);
    let mut visited = 0;
    while let Some(point) = open.pop_front() {
        search.visit(call, &mut visited)?;
        found.push(point);
        for next in search.next(point) {
            if !std::mem::replace(&mut is_seen[search.index(next)?], true) {
                open.push_back(next);
            }
        }
    }
    Ok(found)
}
