package health

// What a user gets who asks for nothing else.
const (
	DefaultFall = 3
	DefaultRise = 2
)

// The statuses of a healthy answer to a probe: all but those of a failing server (RFC 9110 §15.6).
const (
	DefaultLowest  = 100
	DefaultHighest = 499
)

// Rules are what evidence is judged by. The zero value never ejects.
type Rules struct {
	Fall int // failures in a row that make a backend Down; 0 or less: it is never ejected
	Rise int // successes in a row that make it Up again; at least 1

	// The statuses of a healthy answer to a probe, both included; 100 and 499 when zero.
	Lowest, Highest int
}

// Defaults returns the rules 3 and 2, and any status below 500.
func Defaults() Rules { return Rules{Fall: DefaultFall, Rise: DefaultRise} }

// Passes reports whether a probe speaks for the backend.
func (r Rules) Passes(p Probe) bool { return p.verdict(r).passed }

func (r Rules) healthy(status int) bool {
	lowest, highest := r.Lowest, r.Highest
	if lowest == 0 {
		lowest = DefaultLowest
	}
	if highest == 0 {
		highest = DefaultHighest
	}
	return status >= lowest && status <= highest
}
