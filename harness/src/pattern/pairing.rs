//! Which patterns of a list stand for which elements of an array.

use serde_json::Value;

use super::matching::{Matching, maximum_matching};
use super::node::PatternNode;

/// Gives as many patterns as possible an element of their own that they match; rows are patterns, columns elements.
pub(super) fn pair_up(nodes: &[PatternNode], values: &[Value]) -> Matching {
    maximum_matching(nodes.len(), values.len(), |node, value| nodes[node].matches(Some(&values[value])))
}

/// The longest run of patterns that match elements in order, not necessarily neighbours, as pairs of
/// their indices.
pub(super) fn aligned(nodes: &[PatternNode], values: &[Value]) -> Vec<(usize, usize)> {
    let (rows, columns) = (nodes.len(), values.len());
    let fits: Vec<Vec<bool>> =
        nodes.iter().map(|node| values.iter().map(|value| node.matches(Some(value))).collect()).collect();
    // How many pairs are possible behind each position.
    let mut behind = vec![vec![0_u32; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            behind[row][column] = if fits[row][column] {
                behind[row + 1][column + 1] + 1
            } else {
                behind[row + 1][column].max(behind[row][column + 1])
            };
        }
    }
    let mut pairs = Vec::new();
    let (mut row, mut column) = (0, 0);
    while row < rows && column < columns {
        if fits[row][column] {
            pairs.push((row, column));
            (row, column) = (row + 1, column + 1);
        } else if behind[row + 1][column] >= behind[row][column + 1] {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
}
