package tests

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// wireFile is a file of wire cases:
//
//	lb: --header-timeout 300ms        flags of lb, for all cases; optional
//
//	== name-of-the-case
//	# why the verdict is as it is, with the section of the RFC
//	verdict: 400 close, backend sees 0
//	> GET / HTTP/1.1                  what the client sends
//	< HTTP/1.1 200 OK                 what the backend answers; a short 200 when absent
//	>> GET / HTTP/1.1                 transcript: what the backend received
//	<< HTTP/1.1 200 OK                transcript: what the client received
//
// The verdict lists the status of each answer, then whether the connection is kept, closed or cut within the last
// answer, then how many whole requests the backend saw; "cut" instead or behind it for one that never became whole.
// Where the RFC leaves a choice, " | " stands between the verdicts. Lines of > and < end with CRLF unless a backslash
// is their last byte. \r \n \t \\ \xHH stand for bytes, \(text*N) for a repetition.
//
// Options, one a line: "half-close" the client ends its side after the request; "backend ends" the connection after
// its answer; "methods: HEAD GET" of the requests, when it is not the first word for all; "whole" for a case that
// makes no sense or takes too long one byte at a time; "sends: line" the first request forwarded has this line;
// "carries: name" it has such a field; "lacks: name" it has none; "answers: line" and "answers not: name" the same for
// the last answer.
type wireFile struct {
	intro string
	args  []string
	cases []*wireCase
}

type wireCase struct {
	name, why   string
	verdict     string
	request     string
	response    string
	options     []string // as written
	halfClose   bool
	backendEnds bool
	whole       bool
	methods     []string
	source      []string // lines of > and <, as written
	forwarded   string   // transcripts
	answered    string
}

func readWireFile(path string) (*wireFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, intro := new(wireFile), true
	for i, line := range strings.Split(string(text), "\n") {
		name, starts := strings.CutPrefix(line, "== ")
		switch {
		case starts:
			intro = false
			f.cases = append(f.cases, &wireCase{name: name})
		case intro:
			f.introduce(line)
		default:
			if err := f.cases[len(f.cases)-1].add(line); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
			}
		}
	}
	return f, nil
}

func (f *wireFile) introduce(line string) {
	if args, ok := strings.CutPrefix(line, "lb: "); ok {
		f.args = strings.Fields(args)
	}
	f.intro += line + "\n"
}

// add takes a line of the case's description.
func (c *wireCase) add(line string) (err error) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "":
	case "#":
		c.why += strings.TrimSpace(line) + "\n"
	case "verdict:":
		c.verdict = rest
	case ">":
		c.source = append(c.source, line)
		c.request, err = appendLine(c.request, rest)
	case "<":
		c.source = append(c.source, line)
		c.response, err = appendLine(c.response, rest)
	case ">>":
		c.forwarded += line + "\n"
	case "<<":
		c.answered += line + "\n"
	default:
		c.options = append(c.options, line)
		return c.option(line)
	}
	return err
}

func (c *wireCase) option(line string) error {
	word, rest, _ := strings.Cut(line, ": ")
	switch word {
	case "half-close":
		c.halfClose = true
	case "backend ends":
		c.backendEnds = true
	case "whole":
		c.whole = true
	case "methods":
		c.methods = strings.Fields(rest)
	case "sends", "carries", "lacks", "answers", "answers not":
	default:
		return fmt.Errorf("unknown line %q", line)
	}
	return nil
}

var escape = regexp.MustCompile(`\\(?:[rnt\\]|x[0-9a-f]{2}|\((?:[^*]|\\\*)+\*[0-9]+\))`)

// appendLine appends what a line of a case stands for.
func appendLine(text, line string) (string, error) {
	line, joined := strings.CutSuffix(line, `\`)
	if strings.Contains(escape.ReplaceAllString(line, ""), `\`) {
		return "", fmt.Errorf("unknown escape in %q", line)
	}
	text += escape.ReplaceAllStringFunc(line, unescape)
	if !joined {
		text += "\r\n"
	}
	return text, nil
}

func unescape(s string) string {
	switch s[1] {
	case 'r':
		return "\r"
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'x':
		b, _ := strconv.ParseUint(s[2:], 16, 8)
		return string([]byte{byte(b)})
	case '(':
		unit, times, _ := strings.Cut(s[2:len(s)-1], "*")
		n, _ := strconv.Atoi(times)
		return strings.Repeat(escape.ReplaceAllStringFunc(unit, unescape), n)
	}
	return s[1:]
}

// quote writes text so that appendLine reads it.
func quote(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// answers is the number of answers that the verdict lists.
func (c *wireCase) answers() int {
	before, _, _ := strings.Cut(c.verdict, ",")
	return len(strings.Fields(before)) - 1
}

func (c *wireCase) keeps() bool { return strings.Contains(c.verdict, " keep,") }

// methodOf the request that gets the answer of this number.
func (c *wireCase) methodOf(i int) string {
	if i < len(c.methods) {
		return c.methods[i]
	}
	method, _, _ := strings.Cut(strings.TrimLeft(c.request, "\r\n"), " ")
	return method
}

// compare holds the outcome against the transcripts, or takes it for them with -update.
func (c *wireCase) compare(t *testing.T, got *outcome) {
	t.Helper()
	for _, o := range c.options {
		word, rest, _ := strings.Cut(o, ": ")
		if !promised(word, rest, got) {
			t.Errorf("%s\nnot kept: %s\nanswers:\n%s\nforwarded:\n%s", c.why, o, got.answers, got.forwarded)
		}
	}
	if *update {
		c.forwarded, c.answered = got.forwarded, got.answers
		return
	}
	if got.forwarded != c.forwarded {
		t.Errorf("%s\nforwarded:\n%s\nwant:\n%s", c.why, got.forwarded, c.forwarded)
	}
	if got.answers != c.answered {
		t.Errorf("%s\nanswered:\n%s\nwant:\n%s", c.why, got.answers, c.answered)
	}
}

// promised reports whether an option that is a promise is kept.
func promised(word, rest string, got *outcome) bool {
	lastAnswer := got.answers[max(0, strings.LastIndex("\n"+got.answers, "\n<< HTTP/")):]
	first, _, _ := strings.Cut(got.forwarded+">>\n", "\n>>\n")
	switch word {
	case "sends":
		return strings.Contains("\n"+first+"\n", "\n>> "+rest+"\n")
	case "carries":
		return strings.Contains(strings.ToLower(first), "\n>> "+strings.ToLower(rest)+":")
	case "lacks":
		return !strings.Contains(strings.ToLower(first), "\n>> "+strings.ToLower(rest)+":")
	case "answers":
		return strings.Contains("\n"+lastAnswer, "\n<< "+rest+"\n")
	case "answers not":
		return !strings.Contains(strings.ToLower(lastAnswer), "\n<< "+strings.ToLower(rest)+":")
	}
	return true
}

// String is the file with the transcripts of now.
func (f *wireFile) String() string {
	var b strings.Builder
	b.WriteString(strings.TrimRight(f.intro, "\n") + "\n")
	for _, c := range f.cases {
		fmt.Fprintf(&b, "\n== %s\n%sverdict: %s\n", c.name, c.why, c.verdict)
		for _, group := range [][]string{c.options, c.source} {
			for _, line := range group {
				b.WriteString(line + "\n")
			}
		}
		b.WriteString(c.forwarded + c.answered)
	}
	return b.String()
}
