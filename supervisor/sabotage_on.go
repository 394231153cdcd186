//go:build lbfault

package supervisor

// Sabotage is a message that any actor panics upon, with this text. Only builds for tests know it.
type Sabotage string

func sabotage(message any) {
	if s, ok := message.(Sabotage); ok {
		panic(string(s))
	}
}
