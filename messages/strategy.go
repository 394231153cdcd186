package messages

// Strategy is how the next backend is picked among those that are up.
type Strategy uint8

const (
	// RoundRobin takes each backend in turn; weights are ignored.
	RoundRobin Strategy = iota
	// Weighted gives each backend its share by weight, interleaved evenly.
	Weighted
	// Random picks each time anew, with chances in proportion to the weights.
	Random
	// LeastConn takes the backend with the fewest exchanges in flight for its weight.
	LeastConn
	// P2C takes the less loaded of two random backends, by exchanges in flight and recent latency.
	P2C
	// Hash gives requests with the same key to the same backend (Config.HashKey).
	Hash
)

var strategyWords = []string{"round_robin", "weighted", "random", "least_conn", "p2c", "hash"}

// Strategies lists the words that ParseStrategy reads, in the order of the constants. The caller owns the slice.
func Strategies() []string { return append([]string(nil), strategyWords...) }

// ParseStrategy reads one of Strategies, in any letter case. The error is an *InvalidError.
func ParseStrategy(s string) (Strategy, error) {
	i, err := indexOf("strategy", s, strategyWords)
	return Strategy(i), err
}

// String returns the word that ParseStrategy reads.
func (s Strategy) String() string { return wordAt(strategyWords, uint8(s)) }
