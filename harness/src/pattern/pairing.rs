//! Which patterns of a list stand for which elements of an array.

use std::collections::VecDeque;

use serde_json::Value;

use super::node::Node;

/// Which element each of some patterns got.
pub(super) struct Pairing {
    /// For each pattern the index of its element.
    pub(super) element_of: Vec<Option<usize>>,
    /// For each element the index of its pattern.
    pub(super) pattern_of: Vec<Option<usize>>,
}

impl Pairing {
    pub(super) fn is_perfect(&self) -> bool {
        self.element_of.iter().chain(&self.pattern_of).all(Option::is_some)
    }
}

/// Gives as many patterns as possible an element of their own that they match: a maximum bipartite
/// matching, by breadth-first augmenting paths, earlier patterns and elements preferred.
pub(super) fn pair_up(nodes: &[Node], values: &[Value]) -> Pairing {
    let fitting: Vec<Vec<usize>> =
        nodes.iter().map(|node| (0..values.len()).filter(|&at| node.matches(Some(&values[at]))).collect()).collect();
    let mut pairing = Pairing { element_of: vec![None; nodes.len()], pattern_of: vec![None; values.len()] };
    for start in 0..nodes.len() {
        augment(&fitting, start, &mut pairing);
    }
    pairing
}

fn augment(fitting: &[Vec<usize>], start: usize, pairing: &mut Pairing) {
    // For each element reached, the pattern it was reached from.
    let mut reached_from: Vec<Option<usize>> = vec![None; pairing.pattern_of.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(pattern) = queue.pop_front() {
        for &element in &fitting[pattern] {
            if reached_from[element].is_some() {
                continue;
            }
            reached_from[element] = Some(pattern);
            if let Some(owner) = pairing.pattern_of[element] {
                queue.push_back(owner);
                continue;
            }
            // A free element: hand it back along the path, each pattern giving up its old element.
            let mut free = Some(element);
            while let Some(element) = free {
                let Some(pattern) = reached_from[element] else {
                    break;
                };
                free = pairing.element_of[pattern].replace(element);
                pairing.pattern_of[element] = Some(pattern);
            }
            return;
        }
    }
}

/// The longest run of patterns that match elements in order, not necessarily neighbours, as pairs of
/// their indices.
pub(super) fn aligned(nodes: &[Node], values: &[Value]) -> Vec<(usize, usize)> {
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
