// Package balance decides which backend serves the next attempt.
//
// A worker owns one Balancer and calls it on its loop's thread only, so nothing here locks. Set hands it the backends
// that may be used now; Pick names one of them, passing over those that this exchange has tried already and those that
// have as many exchanges as they may; Begin and End count what is in flight. All of it allocates nothing and costs O(1)
// (round robin, random, p2c, hash) or O(log n) (weighted, least_conn) for n backends.
//
// What holds for each strategy, whatever was picked or passed over before, as long as no backend comes or goes:
//
//   - round robin: n picks in a row that pass over nobody name every backend once;
//   - weighted: as many picks in a row as the weights add up to name each backend as often as its weight says, give or
//     take one, and spread over the whole row;
//   - random: each pick names a backend with a probability in proportion to its weight, independent of all others;
//   - least_conn: no pick names a backend while another has fewer exchanges in flight for its weight; equals are picked
//     as by weighted;
//   - p2c: of two backends that random draws the better one is picked, by what is in flight for its weight and by its
//     latency of late; of equals the first;
//   - hash: a key names the same backend in every worker and after every restart, each backend having a part of the keys
//     in proportion to its weight. A backend that leaves or joins moves its own keys and no others.
//
// A backend whose Share is below 100 keeps that part of the picks that fall to it, and hands the others on.
package balance
