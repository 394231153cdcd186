// Package balance decides which backend serves the next attempt.
//
// A worker owns one Balancer and calls it on its loop's thread only, so nothing here locks. Set hands it the backends
// that may be used now; Pick names one of them, passing over those that this exchange has tried already. Pick allocates
// nothing and costs O(1) (round robin) or O(log n) (weighted, random) for n backends.
//
// What holds for each strategy, whatever was picked or passed over before, as long as no backend comes or goes:
//
//   - round robin: n picks in a row that pass over nobody name every backend once;
//   - weighted: as many picks in a row as the weights add up to name each backend as often as its weight says, give or
//     take one, and spread over the whole row;
//   - random: each pick names a backend with a probability in proportion to its weight, independent of all others.
package balance
