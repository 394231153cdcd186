package h2

// firstDynamic is the index of the newest entry of the dynamic table (RFC 7541 §2.3.3): the static one has 61.
const firstDynamic = 62

// table follows the dynamic table of an encoder, whose size alone settles what is in it (RFC 7541 §4): it need not be
// searched for what is known to be there.
type table struct {
	sizes  []int // of the entries, the oldest first
	newest int   // number of the newest entry, counted from 1
	size   int
	limit  int
}

// insert notes a new entry and returns its number.
func (t *table) insert(name, value string) (number int) {
	size := len(name) + len(value) + fieldCharge
	t.sizes = append(t.sizes, size)
	t.size += size
	t.newest++
	t.evict()
	return t.newest
}

// resize sets the limit of all entries together, in bytes.
func (t *table) resize(limit int) {
	t.limit = limit
	t.evict()
}

func (t *table) evict() {
	gone := 0
	for t.size > t.limit {
		t.size -= t.sizes[gone]
		gone++
	}
	t.sizes = t.sizes[:copy(t.sizes, t.sizes[gone:])]
}

// index of an entry; 0 when it is gone.
func (t *table) index(number int) int {
	if age := t.newest - number; age < len(t.sizes) {
		return firstDynamic + age
	}
	return 0
}

// number of the entry that an index means.
func (t *table) number(index int) int { return t.newest - (index - firstDynamic) }
