package tests

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const deployed = "../deploy"

// deployedFile is a file that users copy, with the paths in it changed to those of this test.
func deployedFile(t *testing.T, name string, changes ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployed, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(changes...).Replace(string(text))
}

func TestUnitsPassSystemdAnalyze(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	analyze := need(t, "systemd-analyze")
	binary, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"lb.service", "lb.socket"} {
		text := deployedFile(t, name, "/usr/local/bin/lb", binary)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(analyze, "verify", "--man=no", filepath.Join(dir, "lb.service"), filepath.Join(dir, "lb.socket"))
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "lb.service") || strings.Contains(line, "lb.socket") {
			t.Error(strings.TrimSpace(line))
		}
	}
	if err != nil {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// The command lines of the files are such as lb takes.
func TestDeployedCommandLinesAreRight(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	binary, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	config := configFile(t, `{"backends":[{"host":"127.0.0.1","port":1}]}`)
	service := deployedFile(t, "lb.service", "/etc/lb/lb.json", config)
	manifest := deployedFile(t, "kubernetes.yaml", "/etc/lb/lb.json", config)
	_, unit, _ := strings.Cut(service, "\nExecStart=/usr/local/bin/lb ")
	unit, _, _ = strings.Cut(unit, "\n")
	var args []string
	if found := regexp.MustCompile(`args: (\[.*\])`).FindStringSubmatch(manifest); found == nil {
		t.Error("no arguments in the manifest")
	} else if err := json.Unmarshal([]byte(found[1]), &args); err != nil {
		t.Error(err)
	}
	for name, words := range map[string][]string{"lb.service": strings.Fields(unit), "kubernetes.yaml": args} {
		out, err := exec.Command(binary, append([]string{"config", "show"}, words...)...).CombinedOutput()
		if err != nil || len(words) < 4 {
			t.Errorf("%s: lb %v: %v\n%s", name, words, err, out)
		}
	}
}

// The configuration in the manifest is one that lb takes.
func TestDeployedConfigurationIsRight(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	binary, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(deployedFile(t, "kubernetes.yaml"), "lb.json: |\n")
	text, _, _ = strings.Cut(text, "---")
	out, err := exec.Command(binary, "check", "-c", configFile(t, text)).CombinedOutput()
	if err != nil {
		t.Errorf("lb check: %v\n%s\n%s", err, out, text)
	}
}
