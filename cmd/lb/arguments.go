package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"lb/messages"
)

// spellOut rewrites arguments so that nothing is left to guess: every flag by its long name, with its value attached
// ("-p9" becomes "--port=9"), and a command, if any, in front. What cannot be understood is a usageError.
//
// urfave/cli by itself drops flags behind the first positional argument, starts the default action for a mistyped
// command, ignores flags in front of one, takes a following flag for a value, rejects -p9, and rejects -b x beside
// --backend y.
func spellOut(args []string, app *cli.App) ([]string, error) {
	root := newSpeller(app.Flags)
	rest, err := root.read(args)
	if err != nil || len(rest) == 0 {
		return root.out, err
	}
	if rest[0] == "help" && len(root.out) == 0 { // as many other programs have it
		return spellOut(append(rest[1:], "--help"), app)
	}
	command := app.Command(rest[0])
	if command == nil {
		return nil, unexpected(rest[0], app)
	}
	if err := nothingBefore(command.Name, root.out); err != nil {
		return nil, err
	}
	return spellCommand(command, rest[1:])
}

// asFile proposes the flag for the one thing that a command may be about; "" if that is not a file.
func asFile(command *cli.Command, word string) string {
	if command.Name != "check" {
		return ""
	}
	return "-c " + word
}

// spellCommand spells out a command with what follows its name. Where ArgsUsage is set, arguments may stand among the
// flags; they come out behind "--".
func spellCommand(command *cli.Command, args []string) ([]string, error) {
	own := newSpeller(command.Flags)
	var arguments []string
	for {
		rest, err := own.read(args)
		switch {
		case err != nil:
			return nil, err
		case len(command.Subcommands) > 0:
			return spellSubcommand(command, own.out, rest)
		case own.ended && command.ArgsUsage != "":
			arguments, rest = append(arguments, rest...), nil
		case len(rest) > 0 && command.ArgsUsage == "":
			return nil, badWord("unexpected argument", rest[0], asFile(command, rest[0]))
		}
		if len(rest) == 0 {
			break
		}
		arguments, args = append(arguments, rest[0]), rest[1:]
	}
	spelled := append([]string{command.Name}, own.out...)
	// Beside arguments urfave/cli looks for help on the first of them.
	if len(arguments) > 0 && !slices.Contains(own.out, "--help") {
		spelled = append(append(spelled, "--"), arguments...)
	}
	return spelled, nil
}

// spellSubcommand goes on behind a command that is only the first half of one.
func spellSubcommand(command *cli.Command, flags, rest []string) ([]string, error) {
	var names []string
	for _, sub := range command.Subcommands {
		names = append(names, sub.Name)
	}
	switch {
	case len(rest) == 0 && len(flags) > 0:
		return append([]string{command.Name}, flags...), nil
	case len(rest) == 0:
		why := fmt.Sprintf("one of %s is missing after", strings.Join(names, ", "))
		return nil, badWord(why, command.Name, "")
	}
	for _, sub := range command.Subcommands {
		if sub.Name != rest[0] {
			continue
		}
		if err := nothingBefore(sub.Name, flags); err != nil {
			return nil, err
		}
		spelled, err := spellCommand(sub, rest[1:])
		return append([]string{command.Name}, spelled...), err
	}
	return nil, badWord("unknown command", command.Name+" "+rest[0], nearestCommand(command.Name, rest[0], names))
}

func nearestCommand(command, word string, names []string) string {
	if near := messages.Nearest(word, names); near != "" {
		return command + " " + near
	}
	return ""
}

// nothingBefore refuses flags in front of a command: urfave/cli would ignore them.
func nothingBefore(command string, flags []string) error {
	if len(flags) == 0 {
		return nil
	}
	flag, _, _ := strings.Cut(flags[0], "=")
	return badWord("before the command nothing may stand, found", flag, command+" "+flag)
}

// speller reads the flags of one command.
type speller struct {
	flags  []cli.Flag
	byName map[string]flagForm
	out    []string
	ended  bool // by "--": flags no longer count
}

type flagForm struct {
	long       string // "--port"
	takesValue bool
	many       bool // it may be given more than once
}

func newSpeller(flags []cli.Flag) *speller {
	s := &speller{flags: flags, byName: make(map[string]flagForm)}
	for _, f := range flags {
		names := f.Names()
		documented, ok := f.(cli.DocGenerationFlag)
		form := flagForm{long: "--" + names[0], takesValue: ok && documented.TakesValue()}
		_, form.many = f.(listFlag)
		for _, name := range names {
			s.byName[name] = form
		}
	}
	return s
}

// read takes flags up to the first argument that is none, and returns the arguments from there on.
func (s *speller) read(args []string) (rest []string, err error) {
	for len(args) > 0 {
		switch {
		case args[0] == "--":
			s.ended = true
			return args[1:], nil
		case !strings.HasPrefix(args[0], "-") || args[0] == "-":
			return args, nil
		}
		if args, err = s.flag(args); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// flag takes one argument that begins with a dash, and the next one where that is its value.
func (s *speller) flag(args []string) ([]string, error) {
	word := args[0]
	name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-"), "=")
	form, known := s.byName[name]
	switch {
	case !known && !strings.HasPrefix(word, "--"):
		return s.cluster(args)
	case !known:
		return nil, unknownFlag("--"+name, s.flags)
	case hasValue && !form.takesValue:
		return nil, badWord("no value belongs to this flag:", word, form.long)
	case hasValue:
		return args[1:], s.give(form, value)
	case !form.takesValue:
		s.out = append(s.out, form.long)
		return args[1:], nil
	}
	return s.nextValue(form, word, args[1:])
}

// cluster takes single letters behind one dash: -ab is -a -b, and what follows a letter that takes a value is that.
func (s *speller) cluster(args []string) ([]string, error) {
	word := args[0]
	if s.looksLong(word[1:]) {
		return nil, unknownFlag(word, s.flags)
	}
	var switches []string
	for i := 1; i < len(word); i++ {
		form, known := s.byName[word[i:i+1]]
		after := word[i+1:]
		switch {
		case !known:
			return nil, unknownFlag(word, s.flags)
		case !form.takesValue:
			switches = append(switches, form.long)
			continue
		}
		s.out = append(s.out, switches...)
		if after == "" {
			return s.nextValue(form, word, args[1:])
		}
		return args[1:], s.give(form, strings.TrimPrefix(after, "="))
	}
	s.out = append(s.out, switches...)
	return args[1:], nil
}

// looksLong tells a long flag with one dash and a slip (-prot) from letters with a value (-p9).
func (s *speller) looksLong(name string) bool {
	var long []string
	for known := range s.byName {
		if len(known) > 1 {
			long = append(long, known)
		}
	}
	name, _, _ = strings.Cut(name, "=")
	return messages.Nearest(name, long) != ""
}

// nextValue takes the next argument as the value of a flag, unless it is a flag itself: then the value was forgotten.
func (s *speller) nextValue(form flagForm, word string, rest []string) ([]string, error) {
	if len(rest) == 0 || s.isFlag(rest[0]) {
		return nil, badWord("a value is missing after", word, "")
	}
	return rest[1:], s.give(form, rest[0])
}

// give writes a flag with its value. Of two values one would be ignored.
func (s *speller) give(form flagForm, value string) error {
	for _, before := range s.out {
		if name, other, valued := strings.Cut(before, "="); valued && name == form.long && other != value && !form.many {
			return badUse(fmt.Errorf("two values for %s: %q and %q", form.long, other, value))
		}
	}
	s.out = append(s.out, form.long+"="+value)
	return nil
}

func (s *speller) isFlag(word string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-"), "=")
	_, known := s.byName[name]
	return known && strings.HasPrefix(word, "-") || word == "--"
}
