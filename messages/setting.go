package messages

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is how a setting is written.
type Kind uint8

const (
	// Text is free within what its setting allows.
	Text Kind = iota
	// Word is one of a few words.
	Word
	// Time has a unit: 500ms, 5s, 1h30m.
	Time
	// Size is a number of bytes, or such a number with a unit: 32KiB.
	Size
	// Count is a whole number.
	Count
	// Switch is true or false.
	Switch
	// List is several texts.
	List
)

// Setting is one value of Settings.
type Setting struct {
	// Path is where it stands in a file: "timeouts.connect".
	Path string
	// Doc says what it is, in half a sentence.
	Doc  string
	Kind Kind
	// Words are the values of a Word.
	Words []string
	// Least and Most bound a Count.
	Least, Most int
	// Fixed settings hold as long as lb runs.
	Fixed bool

	read func(to *Settings, subject string, words []string) error
	show func(of *Settings) string
	take func(to, from *Settings)
}

// Read sets the value from its written form, which is one word save for a List. On an error, which is an *InvalidError
// about the subject, to stays as it was.
func (s Setting) Read(to *Settings, subject string, words ...string) error {
	tried := *to
	err := s.read(&tried, subject, words)
	if err == nil {
		err = tried.Config.validateRest()
	}
	if err == nil {
		*to = tried
		return nil
	}
	invalid := &InvalidError{Why: err.Error()}
	errors.As(err, &invalid)
	about := *invalid
	about.Subject = subject
	return &about
}

// Show returns the value in a form that Read takes; that of a List has its words divided by spaces.
func (s Setting) Show(of Settings) string { return s.show(&of) }

// Take copies the value.
func (s Setting) Take(to *Settings, from Settings) { s.take(to, &from) }

// bind ties a setting to its field.
func bind[T any](s Setting, parse func(subject, word string) (T, error), show func(T) string,
	field func(*Settings) *T,
) Setting {
	s.read = func(to *Settings, subject string, words []string) error {
		value, err := parse(subject, strings.Join(words, " "))
		if err == nil {
			*field(to) = value
		}
		return err
	}
	s.show = func(of *Settings) string { return show(*field(of)) }
	s.take = func(to, from *Settings) { *field(to) = *field(from) }
	return s
}

func text[T any](path, doc string, parse func(subject, s string) (T, error), show func(T) string,
	field func(*Settings) *T,
) Setting {
	return bind(Setting{Path: path, Doc: doc, Kind: Text}, parse, show, field)
}

func word[T fmt.Stringer](path, doc string, words []string, parse func(subject, s string) (T, error),
	field func(*Settings) *T,
) Setting {
	return bind(Setting{Path: path, Doc: doc, Kind: Word, Words: words}, parse, T.String, field)
}

func period(path, doc string, field func(*Settings) *time.Duration) Setting {
	return bind(Setting{Path: path, Doc: doc, Kind: Time}, ParseDuration, FormatDuration, field)
}

func size[T int | int64](path, doc string, field func(*Settings) *T) Setting {
	parse := func(subject, s string) (T, error) {
		n, err := ParseBytes(subject, s)
		if err == nil && int64(T(n)) != n {
			err = &InvalidError{Subject: subject, Word: s, Why: "too large"}
		}
		return T(n), err
	}
	show := func(n T) string { return FormatBytes(int64(n)) }
	return bind(Setting{Path: path, Doc: doc, Kind: Size}, parse, show, field)
}

func count[T int | uint16](path, doc string, least, most int, field func(*Settings) *T) Setting {
	parse := func(subject, s string) (T, error) {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil || int(n) < least || int(n) > most {
			return 0, &InvalidError{Subject: subject, Word: s, Why: fmt.Sprintf("must be %d to %d", least, most)}
		}
		return T(n), nil
	}
	show := func(n T) string { return strconv.FormatInt(int64(n), 10) }
	return bind(Setting{Path: path, Doc: doc, Kind: Count, Least: least, Most: most}, parse, show, field)
}

// ParseSwitch reads true or false, 1 or 0. The error is an *InvalidError about the subject.
func ParseSwitch(subject, s string) (bool, error) {
	value, err := strconv.ParseBool(strings.ToLower(s))
	if err != nil {
		err = &InvalidError{Subject: subject, Word: s, Why: "must be true or false"}
	}
	return value, err
}

func toggle(path, doc string, field func(*Settings) *bool) Setting {
	return bind(Setting{Path: path, Doc: doc, Kind: Switch}, ParseSwitch, strconv.FormatBool, field)
}

func statuses(path, doc string) Setting {
	return Setting{
		Path: path, Doc: doc, Kind: Text,
		read: func(to *Settings, subject string, words []string) (err error) {
			h := &to.Config.Health
			h.Lowest, h.Highest, err = ParseStatuses(subject, strings.Join(words, " "))
			return err
		},
		show: func(of *Settings) string { return FormatStatuses(of.Config.Health.Lowest, of.Config.Health.Highest) },
		take: func(to, from *Settings) {
			to.Config.Health.Lowest, to.Config.Health.Highest = from.Config.Health.Lowest, from.Config.Health.Highest
		},
	}
}

func networks(path, doc string, field func(*Settings) *[]netip.Prefix) Setting {
	return Setting{
		Path: path, Doc: doc, Kind: List,
		read: func(to *Settings, subject string, words []string) error {
			prefixes := make([]netip.Prefix, 0, len(words))
			for _, word := range words {
				prefix, err := ParsePrefix(subject, word)
				if err != nil {
					return err
				}
				prefixes = append(prefixes, prefix)
			}
			*field(to) = prefixes
			return nil
		},
		show: func(of *Settings) string { return joined(*field(of)) },
		take: func(to, from *Settings) { *field(to) = slices.Clone(*field(from)) },
	}
}

func joined[T fmt.Stringer](values []T) string {
	words := make([]string, 0, len(values))
	for _, value := range values {
		words = append(words, value.String())
	}
	return strings.Join(words, " ")
}

func fixed(s Setting) Setting {
	s.Fixed = true
	return s
}

// plain fits a parser that names its subject itself.
func plain[T any](parse func(string) (T, error)) func(_, s string) (T, error) {
	return func(_, s string) (T, error) { return parse(s) }
}

func verbatim(_, s string) (string, error) { return s, nil }
