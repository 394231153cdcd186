package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"lb/messages"
)

// usageError is bad use of the command line: exit code 2, one line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// badUse makes a usageError; nil stays nil.
func badUse(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

// badWord is a usageError about one word, with the nearest right one unless that is "".
func badWord(why, word, nearest string) error {
	text := why + " " + strconv.Quote(word)
	if nearest != "" {
		text += "; did you mean " + strconv.Quote(nearest) + "?"
	}
	return &usageError{fmt.Errorf("%s", text)}
}

// unknownFlag proposes the long flag that is spelled most like the word, or the only one that begins with it.
func unknownFlag(written string, flags []cli.Flag) error {
	name := strings.TrimLeft(written, "-")
	var long []string
	for _, f := range flags {
		for _, n := range f.Names() {
			switch {
			case len(n) > 1:
				long = append(long, n)
			case strings.EqualFold(n, name):
				return badWord("unknown flag", written, "-"+n)
			}
		}
	}
	near := ""
	if len(name) > 1 {
		near = messages.Nearest(name, long)
	}
	if near == "" {
		near = onlyWithPrefix(name, long)
	}
	if near != "" {
		near = "--" + near
	}
	return badWord("unknown flag", written, near)
}

func onlyWithPrefix(prefix string, words []string) string {
	found := ""
	for _, word := range words {
		if !strings.HasPrefix(word, strings.ToLower(prefix)) {
			continue
		}
		if found != "" {
			return ""
		}
		found = word
	}
	return found
}

// unexpected is the error for an argument that is neither a flag, nor the value of one, nor a command.
func unexpected(word string, app *cli.App) error {
	var commands []string
	for _, command := range app.Commands {
		commands = append(commands, command.Name)
	}
	if near := messages.Nearest(word, commands); near != "" {
		return badWord("unknown command", word, near)
	}
	for _, f := range app.Flags {
		if name := f.Names()[0]; strings.EqualFold(name, word) {
			return badWord("unexpected argument", word, "--"+name)
		}
	}
	if _, err := messages.ParseBackend(word); err == nil {
		return badWord("unexpected argument", word, "-b "+word)
	}
	return badWord("unexpected argument", word, "")
}
