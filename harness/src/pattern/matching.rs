//! A maximum bipartite matching: as many pairs as possible, no row or column in two of them.

/// Which column each row got, and which row each column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Matching {
    /// For each row the index of its column.
    pub(crate) column_of: Vec<Option<usize>>,
    /// For each column the index of its row.
    pub(crate) row_of: Vec<Option<usize>>,
}

impl Matching {
    /// Whether every row and every column has a partner.
    pub(crate) fn is_perfect(&self) -> bool {
        self.column_of.iter().chain(&self.row_of).all(Option::is_some)
    }
}

/// Gives as many rows as possible a column of their own that fits them, by augmenting paths (Kuhn's algorithm). Rows
/// come in their order: an earlier row never loses its column to a later one for good. `fits` is asked once for each
/// pair. At most rows × columns × rows steps; no recursion, so that long lists are no danger.
pub(crate) fn maximum_matching(rows: usize, columns: usize, fits: impl Fn(usize, usize) -> bool) -> Matching {
    let fitting: Vec<Vec<usize>> =
        (0..rows).map(|row| (0..columns).filter(|&column| fits(row, column)).collect()).collect();
    let mut matching = Matching { column_of: vec![None; rows], row_of: vec![None; columns] };
    for row in 0..rows {
        augment(&fitting, row, &mut matching);
    }
    matching
}

/// A maximum matching whose columns come one after another: each costs one augmenting path, not all over again.
#[derive(Debug, Default)]
pub(crate) struct GrowingMatching {
    /// The rows that fit each column.
    fitting: Vec<Vec<usize>>,
    /// The same pairs with rows and columns exchanged.
    turned: Option<Matching>,
    /// How many pairs there are.
    pub(crate) pairs: usize,
}

impl GrowingMatching {
    /// Takes one more column, with the rows that fit it, ascending; there are so many rows in all.
    pub(crate) fn push(&mut self, rows: usize, fitting: Vec<usize>) {
        let turned = self.turned.get_or_insert_with(|| Matching { column_of: Vec::new(), row_of: vec![None; rows] });
        let column = self.fitting.len();
        self.fitting.push(fitting);
        turned.column_of.push(None);
        augment(&self.fitting, column, turned);
        self.pairs += usize::from(turned.column_of[column].is_some());
    }

    /// The first row without a column.
    pub(crate) fn first_open(&self) -> usize {
        self.turned.as_ref().and_then(|turned| turned.row_of.iter().position(Option::is_none)).unwrap_or_default()
    }

    /// The matching that [`maximum_matching`] finds: it depends on what fits alone, and not on when it came.
    pub(crate) fn whole(&self, rows: usize) -> Matching {
        maximum_matching(rows, self.fitting.len(), |row, column| self.fitting[column].binary_search(&row).is_ok())
    }
}

/// Finds a column for one more row, moving others to other columns where that is needed.
fn augment(fitting: &[Vec<usize>], start: usize, matching: &mut Matching) {
    let mut seen = vec![false; matching.row_of.len()];
    // The rows that would move, each with how many of its columns it has tried; the last of them is tried for now.
    let mut path = vec![(start, 0)];
    while let Some((row, tried)) = path.last_mut() {
        let Some(&column) = fitting[*row].get(*tried) else {
            path.pop();
            continue;
        };
        *tried += 1;
        if std::mem::replace(&mut seen[column], true) {
            continue;
        }
        match matching.row_of[column] {
            Some(owner) => path.push((owner, 0)),
            None => {
                for (row, tried) in path {
                    let column = fitting[row][tried - 1];
                    matching.column_of[row] = Some(column);
                    matching.row_of[column] = Some(row);
                }
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(fitting: &[&[usize]], columns: usize) -> Matching {
        maximum_matching(fitting.len(), columns, |row, column| fitting[row].contains(&column))
    }

    #[test]
    fn an_earlier_row_moves_where_that_makes_room() {
        let matching = of(&[&[0, 1], &[0]], 2);
        assert_eq!(matching, Matching { column_of: vec![Some(1), Some(0)], row_of: vec![Some(1), Some(0)] });
        assert!(matching.is_perfect());
    }

    #[test]
    fn the_first_rows_keep_their_columns_where_there_are_too_few() {
        let matching = of(&[&[1], &[1], &[]], 2);
        assert_eq!(matching, Matching { column_of: vec![Some(1), None, None], row_of: vec![None, Some(0)] });
        assert!(!matching.is_perfect());
        assert!(of(&[], 0).is_perfect());
    }

    #[test]
    fn a_long_chain_of_moves_is_no_danger() {
        // Row n fits n and n+1; the last fits 0 alone, so that every other row has to move.
        let rows = 3_000;
        let matching = maximum_matching(rows, rows, |row, column| {
            if row == rows - 1 { column == 0 } else { column == row || column == row + 1 }
        });
        assert!(matching.is_perfect());
        assert_eq!(matching.column_of[rows - 1], Some(0));
    }

    /// How many pairs are possible, found by trying everything.
    fn most(fitting: &[Vec<usize>], used: &mut Vec<bool>) -> usize {
        let Some((first, rest)) = fitting.split_first() else { return 0 };
        let mut best = most(rest, used);
        for &column in first {
            if !used[column] {
                used[column] = true;
                best = best.max(1 + most(rest, used));
                used[column] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn no_matching_has_more_pairs(fitting in prop::collection::vec(prop::collection::vec(0_usize..5, 0..4), 0..6)) {
            let matching = maximum_matching(fitting.len(), 5, |row, column| fitting[row].contains(&column));
            let pairs: Vec<(usize, usize)> =
                matching.column_of.iter().enumerate().filter_map(|(row, column)| Some((row, (*column)?))).collect();
            prop_assert_eq!(pairs.len(), most(&fitting, &mut vec![false; 5]));
            for &(row, column) in &pairs {
                prop_assert!(fitting[row].contains(&column));
                prop_assert_eq!(matching.row_of[column], Some(row));
            }
            prop_assert_eq!(matching.row_of.iter().flatten().count(), pairs.len());
        }

        #[test]
        fn a_matching_that_grows_is_always_a_maximum(
            fitting in prop::collection::vec(prop::collection::btree_set(0_usize..4, 0..4), 0..7),
        ) {
            let mut growing = GrowingMatching::default();
            for (column, rows) in fitting.iter().enumerate() {
                growing.push(4, rows.iter().copied().collect());
                let whole = maximum_matching(4, column + 1, |row, column| fitting[column].contains(&row));
                prop_assert_eq!(growing.pairs, whole.row_of.iter().flatten().count());
                prop_assert_eq!(growing.whole(4), whole);
            }
        }
    }
}
