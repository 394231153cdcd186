package main

import (
	"os"
	"strings"

	"lb/messages"
)

// cleanEnvironment takes out of the environment what was never meant as a setting, and returns a line of warning for
// each variable that would otherwise be dropped without a word. Call it before flags are read.
//
// An empty variable is unset: that is what a compose file makes of ${UNSET}. And Kubernetes gives each pod
// LB_PORT=tcp://… when a service of its namespace is called lb.
func cleanEnvironment() (warnings []string) {
	var known []string
	for _, f := range serveFlags() {
		known = append(known, envName(f.Names()[0]))
	}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		switch {
		case !strings.HasPrefix(name, envPrefix):
		case value == "":
			_ = os.Unsetenv(name) // fails only for a name that no environment can hold
		case name == "LB_PORT" && strings.HasPrefix(value, "tcp://"):
			_ = os.Unsetenv(name)
			warnings = append(warnings, "LB_PORT is of a Kubernetes service and is ignored: "+value)
		default:
			if near := messages.Nearest(name, known); near != "" && near != name {
				warnings = append(warnings, name+" is no setting and is ignored; did you mean "+near+"?")
			}
		}
	}
	return warnings
}
