package h1_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"lb/proxy/h1"
	"lb/proxy/semantics"
)

var update = flag.Bool("update", false, "rewrite the verdicts in testdata")

// transcript is one case of a file in testdata: blocks separated by empty lines, in which
//
//	# says what the case shows, and for a refusal the section of the RFC that is its reason
//	! sets limits and options (head=, target=, fields=, HEAD, length=, chunked, close)
//	> is input: \r \n \t \\ and \xNN stand for bytes, \{GET*9} for GET nine times; nothing else ends a line
//
// and the other lines are the verdict, which `go test ./proxy/h1 -update` rewrites.
type transcript struct {
	comment []string
	options string
	lines   []string
	input   []byte
	verdict string
}

// judge reads all of the input, cut as it pleases, and puts down all that there is to tell about it.
type judge func(t *testing.T, c *transcript) string

func runTranscripts(t *testing.T, file string, verdict, everySplit judge) {
	t.Helper()
	path := filepath.Join("testdata", file)
	cases := readTranscripts(t, path)
	for i := range cases {
		c := &cases[i]
		t.Run(strings.ReplaceAll(c.comment[0], " ", "_"), func(t *testing.T) {
			got := verdict(t, c)
			if *update {
				c.verdict = got
			} else if got != c.verdict {
				t.Errorf("input %q\ngot\n%swant\n%s", c.input, got, c.verdict)
			}
			if split := everySplit(t, c); split != got {
				t.Errorf("input %q: in pieces\n%swhole\n%s", c.input, split, got)
			}
			if refused.MatchString(got) && !strings.Contains(strings.Join(c.comment, " "), "§") {
				t.Error("a refusal without the section that it follows from")
			}
		})
	}
	if *update {
		writeTranscripts(t, path, cases)
	}
}

var refused = regexp.MustCompile(`(?m)^\d{3} [a-z]`)

func readTranscripts(t testing.TB, path string) (cases []transcript) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		var c transcript
		for _, line := range strings.Split(block, "\n") {
			switch {
			case strings.HasPrefix(line, "# "):
				c.comment = append(c.comment, line[2:])
			case strings.HasPrefix(line, "! "):
				c.options = line[2:]
			case strings.HasPrefix(line, "> "):
				c.lines = append(c.lines, line[2:])
			default:
				c.verdict += line + "\n"
			}
		}
		if len(c.comment) == 0 {
			t.Fatalf("%s: a case without a name:\n%s", path, block)
		}
		c.input = unescape(t, strings.Join(c.lines, ""))
		cases = append(cases, c)
	}
	return cases
}

func writeTranscripts(t *testing.T, path string, cases []transcript) {
	t.Helper()
	var out strings.Builder
	for i, c := range cases {
		if i > 0 {
			out.WriteString("\n")
		}
		for _, line := range c.comment {
			out.WriteString("# " + line + "\n")
		}
		if c.options != "" {
			out.WriteString("! " + c.options + "\n")
		}
		for _, line := range c.lines {
			out.WriteString("> " + line + "\n")
		}
		out.WriteString(c.verdict)
	}
	if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

var escape = regexp.MustCompile(`\\(r|n|t|\\|x[0-9a-f]{2}|\{[^}]*\*\d+\})`)

func unescape(t testing.TB, s string) []byte {
	t.Helper()
	return []byte(escape.ReplaceAllStringFunc(s, func(e string) string {
		if e[1] == '{' {
			star := strings.LastIndexByte(e, '*')
			count, err := strconv.Atoi(e[star+1 : len(e)-1])
			if err != nil {
				t.Fatal(err)
			}
			return strings.Repeat(string(unescape(t, e[2:star])), count)
		}
		b, err := strconv.Unquote(`"` + e + `"`)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}))
}

// number is the value of an option such as fields=3; 0 without it.
func (c *transcript) number(option string) (n int) {
	for _, word := range strings.Fields(c.options) {
		if value, ok := strings.CutPrefix(word, option+"="); ok {
			if _, err := fmt.Sscan(value, &n); err != nil {
				panic(err)
			}
		}
	}
	return n
}

func (c *transcript) has(option string) bool {
	return strings.Contains(" "+c.options+" ", " "+option+" ")
}

func (c *transcript) limits() *h1.Limits {
	return &h1.Limits{HeadBytes: c.number("head"), TargetBytes: c.number("target"), Fields: c.number("fields")}
}

func (c *transcript) length() int64 {
	switch {
	case c.has("chunked"):
		return semantics.Chunked
	case c.has("close"):
		return semantics.UntilClose
	}
	return int64(c.number("length"))
}
