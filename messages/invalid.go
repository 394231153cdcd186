package messages

import (
	"strconv"
	"strings"
)

// InvalidError says which word of a configuration is wrong, why, and what the nearest right word is. Its text is one
// line whatever the word contains, because Go quoting escapes line breaks and control bytes.
type InvalidError struct {
	// Subject is what the word was meant to be: "backend", "strategy", "idle timeout".
	Subject string
	// Word is what was written. Empty: something is missing, and no word is shown.
	Word string
	// Why says what is wrong: "no port", "weight must be 1 to 1000".
	Why string
	// Nearest is the right word most like Word, or "".
	Nearest string
}

// Error returns `subject "word": why; did you mean "nearest"?`.
func (e *InvalidError) Error() string {
	var b strings.Builder
	b.WriteString(e.Subject)
	if e.Word != "" {
		b.WriteString(" " + strconv.Quote(clip(e.Word)))
	}
	b.WriteString(": " + e.Why)
	if e.Nearest != "" && len(e.Nearest) <= longestWord {
		b.WriteString("; did you mean " + strconv.Quote(e.Nearest) + "?")
	}
	return b.String()
}

// longestWord keeps a pasted file from filling the terminal: past it, in bytes, a word is not recognised better.
const longestWord = 120

func clip(word string) string {
	if len(word) <= longestWord {
		return word
	}
	return strings.ToValidUTF8(word[:longestWord], "") + "…"
}

// unknownWord is the error for a word that is none of the known ones.
func unknownWord(subject, word string, known []string) error {
	why := "not one of " + strings.Join(known, ", ")
	return &InvalidError{Subject: subject, Word: word, Why: why, Nearest: Nearest(word, known)}
}

// indexOf returns the position of word in known. Case is ignored: nobody means two things by Weighted and weighted.
func indexOf(subject, word string, known []string) (uint8, error) {
	for i, name := range known {
		if strings.EqualFold(word, name) {
			return uint8(i), nil
		}
	}
	return 0, unknownWord(subject, word, known)
}

// wordAt is the reverse of indexOf, for String methods: a value outside the list must still print.
func wordAt(known []string, i uint8) string {
	if int(i) < len(known) {
		return known[i]
	}
	return "unknown(" + strconv.Itoa(int(i)) + ")"
}
