package balance

import (
	"math"
	"slices"
)

// rendezvous gives requests with the same key to the same member, in every worker and after every restart. When a
// member leaves, its keys scatter over the others by their weights, and no other key moves; when it comes back, so do
// they.
//
// The keys are cut into slots. For each slot the members compete: each draws a number from the slot and its ID, and the
// best one for its weight wins. That takes a look at each member; from a few members on the winner is therefore
// remembered, until the members change. Finding them one by one, as requests come, spares the loop the pause of finding
// all.
//
// Source: D. G. Thaler and C. V. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM ToN 6(1),
// 1998; with weights: J. Resch, "New Hashing Algorithms for Data Storage", SNIA SDC 2015.
type rendezvous struct {
	blind
	members []*Member
	weights []uint64
	uneven  bool     // the weights differ
	winners []uint16 // by slot: place plus one; 0: not known yet
}

const (
	// slotBits makes 2¹⁸ slots: of 1,000 members each has 262, give or take 16, and they take 512 KiB.
	slotBits = 18
	// fewMembers compete for each pick anew: that is as fast as to look into a table of that size.
	fewMembers = 12
)

func (h *rendezvous) pick(r Request) *Member {
	slot := r.Key >> (64 - slotBits)
	if len(r.Tried) > 0 || len(h.winners) == 0 {
		return h.contest(slot, r.Tried)
	}
	if known := h.winners[slot]; known != 0 {
		return h.members[known-1]
	}
	m := h.contest(slot, nil)
	h.winners[slot] = uint16(m.place + 1)
	return m
}

// contest finds the winner of a slot among the members that were not tried.
func (h *rendezvous) contest(slot uint64, tried []*Member) (winner *Member) {
	if h.uneven {
		return h.unevenContest(slot, tried)
	}
	var best uint64
	for _, m := range h.members {
		if drawn := mix(slot ^ m.ID); (drawn > best || winner == nil) && !slices.Contains(tried, m) {
			winner, best = m, drawn
		}
	}
	return winner
}

// unevenContest has members draw the time until their first call, which comes the sooner the heavier one is: the first
// one to be called is a given member with a probability in proportion to its weight. With equal weights it is the
// contest. Few need the logarithm, since −ln u is never less than 1−u.
func (h *rendezvous) unevenContest(slot uint64, tried []*Member) (winner *Member) {
	best := math.Inf(1)
	for i, m := range h.members {
		unit := (float64(mix(slot^m.ID)>>11) + 0.5) / (1 << 53)
		if (1-unit)/float64(h.weights[i]) >= best {
			continue
		}
		if call := -math.Log(unit) / float64(h.weights[i]); call < best && !slices.Contains(tried, m) {
			winner, best = m, call
		}
	}
	return winner
}

// set forgets the winners, unless nothing has changed that decides them.
func (h *rendezvous) set(members []*Member) {
	weights := make([]uint64, len(members))
	for i, m := range members {
		weights[i] = m.weight()
	}
	if slices.Equal(members, h.members) && slices.Equal(weights, h.weights) {
		return
	}
	h.members, h.weights, h.uneven = members, weights, false
	for i := range weights {
		h.uneven = h.uneven || weights[i] != weights[0]
	}
	switch {
	case len(members) <= fewMembers || len(members) >= math.MaxUint16:
		h.winners = nil
	case h.winners == nil:
		h.winners = make([]uint16, 1<<slotBits)
	default:
		clear(h.winners)
	}
}

// Sum makes a key of bytes, the same on every machine and for ever. It is FNV-1a, mixed once more since its upper bits
// depend little on the last bytes.
func Sum(b []byte) uint64 {
	sum := uint64(14695981039346656037)
	for _, c := range b {
		sum = (sum ^ uint64(c)) * 1099511628211
	}
	return mix(sum)
}

// mix has each bit of x decide about each bit of the result. Source: the finalizer of MurmurHash3, variant 13 of D.
// Stafford, "Better Bit Mixing", 2011.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
