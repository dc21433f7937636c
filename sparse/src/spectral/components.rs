//! The strongly connected components of a matrix's graph.
//!
//! Ordered by them, a matrix is block triangular, so its eigenvalues are those of the blocks. A region on which nobody
//! leans back is a block of its own: its eigenvalue is its diagonal entry, exactly, where an iteration on the whole
//! matrix would find roots of rounding errors.

/// Tarjan's components of the graph with an edge from i to each of `neighbours[i]`.
pub(super) fn components(neighbours: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let n = neighbours.len();
    let mut search = Search { order: vec![NEW; n], low: vec![0; n], open: Vec::new(), found: Vec::new(), next: 0 };
    for root in 0..n {
        if search.order[root] == NEW {
            search.explore(root, neighbours);
        }
    }
    search.found
}

const NEW: usize = usize::MAX;
/// The position of what belongs to a component already.
const DONE: usize = usize::MAX - 1;

struct Search {
    /// When a vertex was met.
    order: Vec<usize>,
    /// The earliest vertex that it reaches.
    low: Vec<usize>,
    open: Vec<usize>,
    found: Vec<Vec<usize>>,
    next: usize,
}

impl Search {
    /// Depth first, with its own stack of vertices and of how many of their edges were followed.
    fn explore(&mut self, root: usize, neighbours: &[Vec<usize>]) {
        self.meet(root);
        let mut path = vec![(root, 0)];
        while let Some((vertex, edge)) = path.last_mut() {
            let vertex = *vertex;
            match neighbours[vertex].get(*edge) {
                Some(&to) => {
                    *edge += 1;
                    match self.order[to] {
                        NEW => {
                            self.meet(to);
                            path.push((to, 0));
                        }
                        DONE => {}
                        met => self.low[vertex] = self.low[vertex].min(met),
                    }
                }
                None => {
                    path.pop();
                    if let Some(&(parent, _)) = path.last() {
                        self.low[parent] = self.low[parent].min(self.low[vertex]);
                    }
                    self.close(vertex);
                }
            }
        }
    }

    fn meet(&mut self, vertex: usize) {
        (self.order[vertex], self.low[vertex]) = (self.next, self.next);
        self.next += 1;
        self.open.push(vertex);
    }

    /// Takes the component of a vertex that reaches nothing earlier.
    fn close(&mut self, vertex: usize) {
        if self.low[vertex] != self.order[vertex] {
            return;
        }
        let from = self.open.iter().rposition(|&open| open == vertex).unwrap_or(0);
        let component = self.open.split_off(from);
        component.iter().for_each(|&member| self.order[member] = DONE);
        self.found.push(component);
    }
}

#[cfg(test)]
mod tests {
    use super::components;

    #[test]
    fn cycles_hold_together_and_what_hangs_on_them_does_not() {
        // 0 -> 1 -> 2 -> 0, 2 -> 3 -> 4 <-> 5, 6 alone.
        let neighbours = vec![vec![1], vec![2], vec![0, 3], vec![4], vec![5], vec![4], vec![]];
        let mut found = components(&neighbours);
        found.iter_mut().for_each(|component| component.sort_unstable());
        found.sort_unstable();
        assert_eq!(found, [vec![0, 1, 2], vec![3], vec![4, 5], vec![6]]);
    }
}
