//! Ways, lines and regions on a map of tiles: a list of tile numbers, row by row.
//!
//! In: a width and height, points that count from 0, tiles and those of them that are solid. Out: points. What stands behind the
//! end of the list is free, what is behind the map is not looked at.

mod search;

use moor_value::{ErrorCode, Map, Sym, Value};

use self::search::{Found, Search, find, region};
use super::arg::Args;
use super::named_options::Options;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!(
        "grid_astar",
        8..=9,
        [Int, Int, Int, Int, Int, Int, List, List, Map],
        MooR,
        grid_astar
    )
    .doc(
        "width height start_x start_y goal_x goal_y tiles solid_tiles options",
        "LIST|INT|MAP",
        "A shortest way from the start to the goal, a list of `{x, y}` without the start; each step counts the same. Empty if there is none. \
         `tiles` are numbers, row by row; those in `solid_tiles` are walls, missing ones are free. Options: `directions` (8, or 4), \
         `corner_cutting` (whether a step aslant may pass a wall; false), `return` (`'path`; `'cost`: the number of steps, -1 if there is no way; `'detail`: a map \
         of `path`, `cost`, `visited` and `found`), `max_nodes` that may be visited.",
    )
    .raises(SEARCH_ERRORS),
    pure!(
        "grid_flood",
        6..=7,
        [Int, Int, Int, Int, List, List, Map],
        MooR,
        |call, args| flooded(call, args, 0)
    )
    .doc(
        "width height start_x start_y tiles solid_tiles options",
        "LIST",
        "The points that can be reached from the start, as a list of `{x, y}`, and the start before them; empty if it is solid. Options are `directions`, \
         `corner_cutting` and `max_nodes`, as for `grid_astar()`.",
    )
    .raises(SEARCH_ERRORS),
    pure!("grid_line", 6..=6, [Int, Int, Int, Int, Int, Int], MooR, grid_line)
        .doc(
            "width height x0 y0 x1 y1",
            "LIST",
            "The points of the line between two points (Bresenham's), both among them, as a list of `{x, y}`.",
        )
        .raises(LINE_ERRORS),
    pure!(
        "grid_los",
        8..=8,
        [Int, Int, Int, Int, Int, Int, List, List],
        MooR,
        grid_los
    )
    .truth()
    .doc(
        "width height x0 y0 x1 y1 tiles solid_tiles",
        "INT",
        "1 if no point of the line between two points, these among them, is solid, else 0.",
    )
    .raises(LINE_ERRORS),
    pure!(
        "grid_reachable",
        6..=7,
        [Int, Int, Int, Int, List, List, Map],
        MooR,
        |call, args| flooded(call, args, 1)
    )
    .doc(
        "width height start_x start_y tiles solid_tiles options",
        "LIST",
        "The points of `grid_flood()` without the start.",
    )
    .raises(SEARCH_ERRORS),
];

const SEARCH_ERRORS: &str = "E_INVARG if the width or height is not positive, a point is beyond it, there is no such option or word, or \
     `directions` is neither 4 nor 8; E_TYPE if a tile is no integer, or an option is of another type; E_RANGE if `max_nodes` is not positive; E_MAXREC if more nodes would be visited; \
     E_QUOTA if there are more than 1,048,576 points, the answer would be too large, or the task's time is up";
const LINE_ERRORS: &str = "E_INVARG if the width or height is not positive, or a point is beyond it; E_TYPE if a tile is no integer; E_QUOTA if the line would be too \
     long, or the task's time is up";

/// Points that are searched. Each takes up to a hundred bytes of memory meanwhile.
const POINTS_MAX: i64 = 1 << 20;

/// A column and a row.
type Point = (i64, i64);

/// The size of a map.
#[derive(Clone, Copy)]
struct Size {
    width: i64,
    height: i64,
}

impl Size {
    fn read(args: &[Value]) -> Result<Self, Raise> {
        let (width, height) = (args.int(0)?, args.int(1)?);
        match width > 0 && height > 0 {
            true => Ok(Self { width, height }),
            false => Err(ErrorCode::InvArg.into()),
        }
    }

    /// The point that two arguments name.
    fn point(self, args: &[Value], at: usize) -> Result<Point, Raise> {
        let point = (args.int(at)?, args.int(at + 1)?);
        match self.has(point) {
            true => Ok(point),
            false => Err(ErrorCode::InvArg.into()),
        }
    }

    fn has(self, (x, y): Point) -> bool {
        (0..self.width).contains(&x) && (0..self.height).contains(&y)
    }

    /// The place of a point in the list of tiles.
    fn index(self, (x, y): Point) -> Option<usize> {
        let index = y.checked_mul(self.width)?.checked_add(x)?;
        usize::try_from(index).ok()
    }

    fn point_at(self, index: usize) -> Point {
        let index = i64::try_from(index).unwrap_or(0);
        (index % self.width, index / self.width)
    }
}

/// Which tiles are walls.
struct Walls<'a> {
    size: Size,
    tiles: &'a [Value],
    /// In order.
    solid: Vec<i64>,
}

impl<'a> Walls<'a> {
    /// Of the tiles at a place of the arguments, and the solid ones behind them.
    fn read(call: &mut Call<'_>, args: &'a [Value], size: Size, at: usize) -> Result<Self, Raise> {
        let (tiles, solid) = (args.list(at)?.as_slice(), args.list(at + 1)?);
        call.charge(tiles.len() + 8 * solid.len())?;
        if !tiles.iter().all(|tile| matches!(tile, Value::Int(_))) {
            return Err(ErrorCode::Type.into());
        }
        let solid: Option<Vec<i64>> = solid.iter().map(Value::as_int).collect();
        let mut solid = solid.ok_or(ErrorCode::Type)?;
        solid.sort_unstable();
        Ok(Self { size, tiles, solid })
    }

    fn is_solid(&self, point: Point) -> bool {
        let index = self.size.index(point);
        let tile = index.and_then(|index| self.tiles.get(index)?.as_int());
        tile.is_some_and(|tile| self.solid.binary_search(&tile).is_ok())
    }
}

fn grid_astar(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let size = Size::read(args)?;
    let (start, goal) = (size.point(args, 2)?, size.point(args, 4)?);
    let known = ["directions", "corner_cutting", "return", "max_nodes"];
    let options = Options::read(args.given(8), &known)?;
    let form = options.word("return", &["path", "cost", "detail"])?;
    let walls = Walls::read(call, args, size, 6)?;
    let search = search(&walls, options)?;
    let Found { path, visited } = find(call, &search, start, goal)?;
    let cost = path.as_ref().map_or(-1, |path| path.len() as i64);
    if form == 1 {
        return Ok(cost.into());
    }
    let is_found = path.is_some();
    let path = points(call, path.unwrap_or_default())?;
    if form == 0 {
        return Ok(path);
    }
    let detail = [
        ("path", path),
        ("cost", cost.into()),
        ("visited", (visited as i64).into()),
        ("found", is_found.into()),
    ];
    let symbol = |name: &str| Value::Sym(Sym::new(name));
    let mut map = Map::new();
    for (name, value) in detail {
        map.insert_value(symbol(name), value);
    }
    call.map(map)
}

/// The region about the start, without so many points at its beginning.
fn flooded(call: &mut Call<'_>, args: &[Value], without: usize) -> Result<Value, Raise> {
    let size = Size::read(args)?;
    let start = size.point(args, 2)?;
    let known = ["directions", "corner_cutting", "max_nodes"];
    let options = Options::read(args.given(6), &known)?;
    let walls = Walls::read(call, args, size, 4)?;
    let search = search(&walls, options)?;
    let found = region(call, &search, start)?;
    points(call, found.into_iter().skip(without))
}

fn search<'a>(walls: &'a Walls<'a>, options: Options<'_>) -> Result<Search<'a>, Raise> {
    let size = walls.size;
    let points = size.width.checked_mul(size.height);
    if points.is_none_or(|points| points > POINTS_MAX) {
        return Err(ErrorCode::Quota.into());
    }
    let directions = options.number("directions", 8, 0..=usize::MAX)?;
    if !matches!(directions, 4 | 8) {
        return Err(ErrorCode::InvArg.into());
    }
    Ok(Search {
        walls,
        aslant: directions == 8,
        cuts_corners: options.flag("corner_cutting", false),
        nodes_max: options.number("max_nodes", usize::MAX, 1..=usize::MAX)?,
    })
}

fn grid_line(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let size = Size::read(args)?;
    let (from, to) = (size.point(args, 2)?, size.point(args, 4)?);
    points(call, line(from, to))
}

fn grid_los(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let size = Size::read(args)?;
    let (from, to) = (size.point(args, 2)?, size.point(args, 4)?);
    let walls = Walls::read(call, args, size, 6)?;
    for point in line(from, to) {
        call.charge(8)?;
        if walls.is_solid(point) {
            return Ok(Value::ZERO);
        }
    }
    Ok(1.into())
}

/// Points as `{x, y}`.
fn points(call: &mut Call<'_>, points: impl IntoIterator<Item = Point>) -> Result<Value, Raise> {
    let pair = |(x, y): Point| Value::from(vec![x.into(), y.into()]);
    call.collect_list(points.into_iter().map(pair))
}

/// The points of a line, both ends among them. Coordinates are not negative.
fn line(from: Point, to: Point) -> impl Iterator<Item = Point> {
    let wide = |n: i64| i128::from(n);
    let (dx, dy) = (wide(to.0) - wide(from.0), wide(to.1) - wide(from.1));
    let (width, height) = (dx.abs(), -dy.abs());
    let mut error = width + height;
    std::iter::successors(Some(from), move |&(x, y)| {
        if (x, y) == to {
            return None;
        }
        let double = 2 * error;
        let (mut x, mut y) = (x, y);
        if double >= height {
            error += height;
            x += dx.signum() as i64;
        }
        if double <= width {
            error += width;
            y += dy.signum() as i64;
        }
        Some((x, y))
    })
}
