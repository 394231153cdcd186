package tests

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

const readme = "../README.md"

// TestReadmeShowsTheHelp compares the block between <!-- help --> and <!-- /help --> with what lb --help prints. With
// -update the block is rewritten.
func TestReadmeShowsTheHelp(t *testing.T) {
	lbOnly(t)
	text := read(t, readme)
	want := "<!-- help -->\n```text\n" + help(t) + "```\n<!-- /help -->"
	block := regexp.MustCompile(`(?s)<!-- help -->.*<!-- /help -->`)
	got := block.FindString(text)
	if got == want {
		return
	}
	if !*update || got == "" {
		t.Fatal("README.md does not show what lb --help prints: go test ./tests -run Readme -update")
	}
	if err := os.WriteFile(readme, []byte(strings.Replace(text, got, want, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// help is what lb --help prints on any machine.
func help(t *testing.T) string {
	t.Helper()
	out := new(bytes.Buffer)
	cmd := exec.Command(lbBinary(t), "--help")
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`, here \d+\)`).ReplaceAllString(out.String(), ")")
}

// TestReadmeCommandsRun starts each balancer that the README shows, and ends it.
func TestReadmeCommandsRun(t *testing.T) {
	lbOnly(t)
	commands := commandsOf(read(t, readme))
	if len(commands) == 0 {
		t.Fatal("README.md shows no lb command")
	}
	for _, args := range commands {
		t.Run(strings.Join(args, " "), func(t *testing.T) { serves(t, args) })
	}
}

// commandsOf finds the lines in sh blocks that start a balancer, without what follows a pipe or a comment.
func commandsOf(text string) (commands [][]string) {
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			line, _, _ = strings.Cut(line, "#")
			line, _, _ = strings.Cut(line, "|")
			if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "lb" && strings.HasPrefix(fields[1], "-") {
				commands = append(commands, fields[1:])
			}
		}
	}
	return commands
}

// serves runs lb with the arguments, but on any free port of this machine alone, until it says that it serves.
func serves(t *testing.T, args []string) {
	t.Helper()
	args = append(withoutPort(args), "-p", "0", "--host", "127.0.0.1")
	cmd, out := exec.Command(lbBinary(t), args...), new(record)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	defer func() {
		_ = cmd.Process.Kill()
		<-ended
	}()
	if !eventually(func() bool { return strings.Contains(out.String(), `"message":"serving"`) }, ended) {
		t.Errorf("lb %s does not serve:\n%s", strings.Join(args, " "), out.String())
	}
}

func withoutPort(args []string) (rest []string) {
	for i := 0; i < len(args); i++ {
		if args[i] == "-p" {
			i++
			continue
		}
		rest = append(rest, args[i])
	}
	return rest
}

// TestReadmeDemoRuns runs the first command of the README.
func TestReadmeDemoRuns(t *testing.T) {
	lbOnly(t)
	if !strings.Contains(read(t, readme), "go run ./cmd/lb demo") {
		t.Fatal("README.md does not name the demo")
	}
	cmd := exec.Command(lbBinary(t), "demo", "--for", "200ms")
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "curl") {
		t.Errorf("lb demo: %v\n%s", err, out)
	}
}

func lbBinary(t *testing.T) string {
	t.Helper()
	path, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
