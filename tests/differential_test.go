package tests

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The wire cases once more, sent to four proxies byte for byte: lb, nginx, HAProxy and Go's net/http. What they do with
// them is compared, and where lb stands alone, testdata/differences.txt says so and why:
//
//	== file/case
//	# why, with the section of the RFC
//	lax: lb 1: 200 | nginx 0: 400 | haproxy 0: 400 | go 1: 200
//
// "lax": lb takes what two of the others refuse; "strict": it refuses what all of them take; "otherwise": as much is
// taken, but two of the others pass on other content. Of each proxy stand the number of whole requests that its backend
// saw, and the answers that its client saw; then "cut" within the last, or "closed" without any. A difference that is
// not listed fails the test, and so does a listed one that is none any more; `-update` rewrites the list and leaves
// the reasons to whoever updates.
func TestDifferencesFromOtherProxies(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	if *overTLS {
		t.Skip("the bytes that backends see are compared, and in the clear")
	}
	list, err := readDifferences("testdata/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := differentialCases(t)
	all, v := contestants(t), versions(t)
	found := compareAll(t, cases, all)
	if doubtful := list.doubtful(cases, found); len(doubtful) < len(cases)/10 {
		found = again(t, doubtful, all, found)
	}
	if *update {
		list.update(found, v)
		if err := os.WriteFile(list.path, []byte(list.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range list.all {
		if !strings.Contains(d.why, "RFC ") {
			t.Errorf("%s: %s stands there without a reason", list.path, d.name)
		}
	}
	unlisted, gone := list.against(found)
	if v != list.versions {
		t.Skipf("the list is of %s; these are %s: not listed %q, gone %q", list.versions, v, unlisted, gone)
	}
	for _, d := range unlisted {
		t.Errorf("not in %s: %s", list.path, d)
	}
	for _, d := range gone {
		t.Errorf("in %s, but no longer so: %s", list.path, d)
	}
}

// differentialCases are those of all files that need no flags of lb, each named after its file. Of a client that ends
// its side at once some proxies take no more notice, as soon as they see that: what they do is a matter of time.
func differentialCases(t *testing.T) (cases []*wireCase) {
	t.Helper()
	paths, err := filepath.Glob("testdata/wire/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		file, err := readWireFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if file.args != nil {
			continue
		}
		for _, c := range file.cases {
			c.name = strings.TrimSuffix(filepath.Base(path), ".txt") + "/" + c.name
			if !c.halfClose {
				cases = append(cases, c)
			}
		}
	}
	if len(cases) < 350 {
		t.Fatalf("only %d cases", len(cases))
	}
	return cases
}

// compareAll asks each contestant about each case, all contestants at the same time.
func compareAll(t *testing.T, cases []*wireCase, all []*contestant) (found []difference) {
	t.Helper()
	opinions := make([][4]*opinion, len(cases))
	var running sync.WaitGroup
	for who, c := range all {
		next := make(chan int, len(cases))
		for i := range cases {
			next <- i
		}
		close(next)
		for _, l := range c.tracks {
			running.Go(func() {
				for i := range next {
					o, err := l.ask(cases[i])
					if err != nil {
						t.Errorf("%s, %s: %v", c.name, cases[i].name, err)
						return
					}
					opinions[i][who] = o
				}
			})
		}
	}
	running.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for i, of := range opinions {
		if kind := kindOf(of[0], of[1:]); kind != "" {
			found = append(found, difference{name: cases[i].name, kind: kind, opinions: inWords(all, of)})
		}
	}
	return found
}

// doubtful are the cases of which something else was found than is listed.
func (l *differences) doubtful(cases []*wireCase, found []difference) (doubtful []*wireCase) {
	unlisted, gone := l.against(found)
	for _, c := range cases {
		of := func(d difference) bool { return d.name == c.name }
		if slices.ContainsFunc(unlisted, of) || slices.ContainsFunc(gone, of) {
			doubtful = append(doubtful, c)
		}
	}
	return doubtful
}

// again asks about some cases once more, and gives those time that work on several threads: on a loaded machine they
// may have been silent because they did not run.
func again(t *testing.T, cases []*wireCase, all []*contestant, found []difference) []difference {
	t.Helper()
	for _, c := range all {
		for _, l := range c.tracks {
			l.settle *= 20
		}
	}
	found = slices.DeleteFunc(found, func(d difference) bool {
		return slices.ContainsFunc(cases, func(c *wireCase) bool { return c.name == d.name })
	})
	return append(found, compareAll(t, cases, all)...)
}

func inWords(all []*contestant, of [4]*opinion) string {
	words := make([]string, len(all))
	for i, c := range all {
		words[i] = fmt.Sprintf("%s %s", c.name, of[i])
	}
	return strings.Join(words, " | ")
}

// kindOf tells how lb's opinion differs from the others'; empty when it has company.
func kindOf(lb *opinion, others []*opinion) string {
	lax, strict, otherwise := 0, 0, 0
	for _, o := range others {
		switch {
		case lb.takesMore(o):
			lax++
		case o.takesMore(lb):
			strict++
		case !slices.Equal(lb.content, o.content):
			otherwise++
		}
	}
	switch {
	case lax >= 2:
		return "lax"
	case strict == len(others):
		return "strict"
	case otherwise >= 2:
		return "otherwise"
	}
	return ""
}

func TestKindsOfDifferences(t *testing.T) {
	takes := &opinion{whole: 1, relayed: 1, content: []string{"GET ", "200 ok"}}
	other := &opinion{whole: 1, relayed: 1, content: []string{"GET x", "200 ok"}}
	refuses := &opinion{}
	for _, c := range []struct {
		lb     *opinion
		others []*opinion
		want   string
	}{
		{takes, []*opinion{takes, takes, takes}, ""},
		{takes, []*opinion{takes, takes, refuses}, ""},
		{takes, []*opinion{refuses, takes, refuses}, "lax"},
		{refuses, []*opinion{takes, takes, refuses}, ""},
		{refuses, []*opinion{takes, takes, takes}, "strict"},
		{takes, []*opinion{other, takes, refuses}, ""},
		{takes, []*opinion{other, takes, other}, "otherwise"},
	} {
		if got := kindOf(c.lb, c.others); got != c.want {
			t.Errorf("%v beside %v: %q, want %q", c.lb, c.others, got, c.want)
		}
	}
}

// difference is a case in which lb stands alone.
type difference struct{ name, kind, opinions, why string }

func (d difference) String() string { return d.name + ": " + d.kind + ": " + d.opinions }

// differences is the list in testdata: what it is of, and each with its reason.
type differences struct {
	path, intro, versions string
	all                   []difference
}

var differenceLine = regexp.MustCompile(`^(lax|strict|otherwise): (.+)$`)

func readDifferences(path string) (*differences, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list := &differences{path: path}
	for i, line := range strings.Split(string(text), "\n") {
		name, starts := strings.CutPrefix(line, "== ")
		versions, isVersions := strings.CutPrefix(line, "versions: ")
		parts := differenceLine.FindStringSubmatch(line)
		last := len(list.all) - 1
		switch {
		case starts:
			list.all = append(list.all, difference{name: name})
		case isVersions:
			list.versions = versions
		case last < 0:
			list.intro += line + "\n"
		case strings.HasPrefix(line, "# "):
			list.all[last].why += line + "\n"
		case parts != nil:
			list.all[last].kind, list.all[last].opinions = parts[1], parts[2]
		case line != "":
			return nil, fmt.Errorf("%s:%d: unknown line %q", path, i+1, line)
		}
	}
	return list, nil
}

// against tells what was found and is not listed, and what is listed and was not found.
func (l *differences) against(found []difference) (unlisted, gone []difference) {
	has := func(list []difference, d difference) bool {
		return slices.ContainsFunc(list, func(o difference) bool { return o.String() == d.String() })
	}
	for _, d := range found {
		if !has(l.all, d) {
			unlisted = append(unlisted, d)
		}
	}
	for _, d := range l.all {
		if !has(found, d) {
			gone = append(gone, d)
		}
	}
	return unlisted, gone
}

// update takes what was found for the list, with the reasons that are known.
func (l *differences) update(found []difference, versions string) {
	for i, d := range found {
		for _, known := range l.all {
			if known.name == d.name {
				found[i].why = known.why
			}
		}
	}
	l.all, l.versions = found, versions
}

func (l *differences) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nversions: %s\n", strings.TrimRight(l.intro, "\n"), l.versions)
	for _, d := range l.all {
		fmt.Fprintf(&b, "\n== %s\n%s%s: %s\n", d.name, d.why, d.kind, d.opinions)
	}
	return b.String()
}

var versionNumber = regexp.MustCompile(`[0-9]+\.[0-9]+`)

// versions of those that lb is compared with, without the number of the patch.
func versions(t *testing.T) string {
	t.Helper()
	var all []string
	for _, program := range []string{need(t, "nginx"), need(t, "haproxy")} {
		out, err := exec.Command(program, "-v").CombinedOutput()
		if err != nil {
			t.Fatalf("%s -v: %v", program, err)
		}
		first, _, _ := bytes.Cut(out, []byte("\n"))
		all = append(all, filepath.Base(program)+" "+versionNumber.FindString(string(first)))
	}
	return strings.Join(append(all, "go "+versionNumber.FindString(runtime.Version())), ", ")
}
