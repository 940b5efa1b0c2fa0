//! simplex_noise: smooth noise in one to four dimensions (Perlin 2001; Gustavson 2005).
//! In: a point. Out: a number from about -1 to 1 that is the same for the same point.

use moor_value::{ErrorCode, Value};

use super::arg::Args;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] =
    &[
        pure!("simplex_noise", 1..=1, [List], ToastStunt, simplex_noise)
            .doc(
                "point",
                "FLOAT",
                "Smooth noise between about -1.0 and 1.0 at a point of one to four coordinates \
             (INT or FLOAT); the same point has always the same.",
            )
            .raises(
                "E_INVARG if there are no coordinates or more than four; E_TYPE if a coordinate \
             is no number",
            ),
    ];

fn simplex_noise(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let coordinates = args.list(0)?.iter().map(|value| match value {
        Value::Float(x) => Ok(*x),
        Value::Int(n) => Ok(*n as f64),
        _ => Err(ErrorCode::Type),
    });
    let point: Vec<f64> = coordinates.collect::<Result<_, _>>()?;
    let noise = match *point.as_slice() {
        [x] => noise1(x),
        [x, y] => noise(&[x, y], 40.0, &|hash, d| gradient2(hash, d)),
        [x, y, z] => noise(&[x, y, z], 32.0, &|hash, d| gradient3(hash, d)),
        [x, y, z, w] => noise(&[x, y, z, w], 27.0, &|hash, d| gradient4(hash, d)),
        _ => return Err(ErrorCode::InvArg.into()),
    };
    Ok(noise.into())
}

fn noise1(x: f64) -> f64 {
    let cell = x.floor();
    let contribution = |corner: f64| {
        let distance = x - corner;
        let hash = hashed(&[corner]);
        let steepness = 1.0 + f64::from(hash & 7);
        let slope = if hash & 8 == 0 { steepness } else { -steepness };
        (1.0 - distance * distance).powi(4) * slope * distance
    };
    0.25 * (contribution(cell) + contribution(cell + 1.0))
}

/// Space is skewed so that cubes become pairs, sixes or twenty-fours of simplices; each corner of
/// the simplex that holds the point contributes a gradient that fades with the distance.
fn noise<const N: usize>(
    point: &[f64; N],
    scale: f64,
    gradient: &dyn Fn(u8, &[f64; N]) -> f64,
) -> f64 {
    let dimensions = N as f64;
    let skew = ((dimensions + 1.0).sqrt() - 1.0) / dimensions;
    let unskew = (1.0 - 1.0 / (dimensions + 1.0).sqrt()) / dimensions;
    let skewed = point.iter().sum::<f64>() * skew;
    let cell = point.map(|x| (x + skewed).floor());
    let back = cell.iter().sum::<f64>() * unskew;
    let inside: [f64; N] = std::array::from_fn(|i| point[i] - (cell[i] - back));
    let mut order: [usize; N] = std::array::from_fn(|i| i);
    order.sort_by(|a, b| inside[*b].total_cmp(&inside[*a]));
    let reach = if N == 2 { 0.5 } else { 0.6 };
    let mut corner = cell;
    let mut sum = 0.0;
    for step in 0..=N {
        let offset = step as f64 * unskew;
        let distance: [f64; N] =
            std::array::from_fn(|i| inside[i] - (corner[i] - cell[i]) + offset);
        let fade = reach - distance.iter().map(|d| d * d).sum::<f64>();
        if fade > 0.0 {
            sum += fade.powi(4) * gradient(hashed(&corner), &distance);
        }
        if let Some(axis) = order.get(step) {
            corner[*axis] += 1.0;
        }
    }
    scale * sum
}

/// The permutation table applied axis by axis, the last one first.
fn hashed(corner: &[f64]) -> u8 {
    corner.iter().rev().fold(0, |hash, coordinate| {
        let wrapped = coordinate.rem_euclid(256.0) as u8;
        PERMUTATION[usize::from(wrapped.wrapping_add(hash))]
    })
}

fn signed(negative: bool, value: f64) -> f64 {
    if negative { -value } else { value }
}

fn gradient2(hash: u8, &[x, y]: &[f64; 2]) -> f64 {
    let (u, v) = if hash & 4 == 0 { (x, y) } else { (y, x) };
    signed(hash & 1 != 0, u) + signed(hash & 2 != 0, 2.0 * v)
}

fn gradient3(hash: u8, &[x, y, z]: &[f64; 3]) -> f64 {
    let hash = hash & 15;
    let u = if hash < 8 { x } else { y };
    let v = match hash {
        0..4 => y,
        12 | 14 => x,
        _ => z,
    };
    signed(hash & 1 != 0, u) + signed(hash & 2 != 0, v)
}

fn gradient4(hash: u8, &[x, y, z, t]: &[f64; 4]) -> f64 {
    let hash = hash & 31;
    let u = if hash < 24 { x } else { y };
    let v = if hash < 16 { y } else { z };
    let w = if hash < 8 { z } else { t };
    signed(hash & 1 != 0, u) + signed(hash & 2 != 0, v) + signed(hash & 4 != 0, w)
}

/// Perlin's table.
#[rustfmt::skip]
const PERMUTATION: [u8; 256] = [
    151, 160, 137, 91, 90, 15, 131, 13, 201, 95, 96, 53, 194, 233, 7, 225,
    140, 36, 103, 30, 69, 142, 8, 99, 37, 240, 21, 10, 23, 190, 6, 148,
    247, 120, 234, 75, 0, 26, 197, 62, 94, 252, 219, 203, 117, 35, 11, 32,
    57, 177, 33, 88, 237, 149, 56, 87, 174, 20, 125, 136, 171, 168, 68, 175,
    74, 165, 71, 134, 139, 48, 27, 166, 77, 146, 158, 231, 83, 111, 229, 122,
    60, 211, 133, 230, 220, 105, 92, 41, 55, 46, 245, 40, 244, 102, 143, 54,
    65, 25, 63, 161, 1, 216, 80, 73, 209, 76, 132, 187, 208, 89, 18, 169,
    200, 196, 135, 130, 116, 188, 159, 86, 164, 100, 109, 198, 173, 186, 3, 64,
    52, 217, 226, 250, 124, 123, 5, 202, 38, 147, 118, 126, 255, 82, 85, 212,
    207, 206, 59, 227, 47, 16, 58, 17, 182, 189, 28, 42, 223, 183, 170, 213,
    119, 248, 152, 2, 44, 154, 163, 70, 221, 153, 101, 155, 167, 43, 172, 9,
    129, 22, 39, 253, 19, 98, 108, 110, 79, 113, 224, 232, 178, 185, 112, 104,
    218, 246, 97, 228, 251, 34, 242, 193, 238, 210, 144, 12, 191, 179, 162, 241,
    81, 51, 145, 235, 249, 14, 239, 107, 49, 192, 214, 31, 181, 199, 106, 157,
    184, 84, 204, 176, 115, 121, 50, 45, 127, 4, 150, 254, 138, 236, 205, 93,
    222, 114, 67, 29, 24, 72, 243, 141, 128, 195, 78, 66, 215, 61, 156, 180,
];
