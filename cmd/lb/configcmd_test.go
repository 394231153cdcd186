package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"lb/messages"
)

// file writes a configuration file and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lb.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const someFile = `{
  "backends": [{"host": "127.0.0.1", "port": 1}, {"host": "b", "port": 2, "weight": 5}],
  "strategy": "weighted",
  "timeouts": {"idle": "5s", "body": "6s"},
  "trusted_proxies": ["10.0.0.0/8"],
  "listen": {"workers": 3}
}`

func TestEachSettingHasAFlag(t *testing.T) {
	flags := make(map[string]string)
	for _, f := range settingFlags {
		if other, twice := flags[f.path]; twice {
			t.Errorf("--%s and --%s both set %s", f.name, other, f.path)
		}
		flags[f.path] = f.name
	}
	for _, s := range messages.AllSettings() {
		if flags[s.Path] == "" {
			t.Errorf("no flag sets %s", s.Path)
		}
	}
}

func TestFlagsWinOverTheFile(t *testing.T) {
	want := messages.DefaultConfig()
	want.Backends = []messages.Backend{backend(t, "c:3"), backend(t, "b:2,weight=7"), backend(t, "127.0.0.1:1")}
	want.Strategy = messages.Random
	want.Timeouts.Idle, want.Timeouts.Body = 5e9, 8e9
	want.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("::1/128")}
	t.Setenv("LB_BODY_TIMEOUT", "8s")
	got := configOf(t, "-c", file(t, someFile), "-b", "c:3", "-b", "b:2,weight=7", "-srandom", "--trusted-proxy", "::1")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestConfigShowTellsEachOrigin(t *testing.T) {
	path := file(t, someFile)
	got := lb(t, []string{"LB_BODY_TIMEOUT=8s", "LB_BACKEND=x:9"}, "config", "show", "-c", path, "-b", "c:3", "-srandom",
		"--fail-open", "--admin", ":9", "--control-socket=/run/x.sock", "--log-file=lb.log", "--drain-delay=2s",
		"--drain-timeout=40s", "--pin")
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("%+v", got)
	}
	rows := make(map[string]string)
	for line := range strings.Lines(got.stdout) {
		fields := strings.Fields(line)
		rows[fields[0]] = strings.Join(fields[1:], " ")
	}
	for name, want := range map[string]string{
		"backends[0]":       "c:3 flag --backend",
		"backends[1]":       "127.0.0.1:1 file " + path + ":2:16",
		"backends[2]":       "b:2,weight=5 file " + path + ":2:50",
		"strategy":          "random flag --strategy",
		"health.fail_open":  "true flag --fail-open",
		"timeouts.idle":     "5s file " + path + ":4:24",
		"timeouts.body":     "8s environment LB_BODY_TIMEOUT",
		"timeouts.connect":  "5s default",
		"trusted_proxies":   "10.0.0.0/8 file " + path + ":5:22",
		"sticky":            "- default",
		"listen.workers":    "3 file " + path + ":6:25",
		"--admin":           ":9 flag --admin",
		"--control-socket":  "/run/x.sock flag --control-socket",
		"--drain-delay":     "2s flag --drain-delay",
		"--drain-timeout":   "40s flag --drain-timeout",
		"--log-file":        "lb.log flag --log-file",
		"--loglevel":        "info default",
		"--pid-file":        "- default",
		"--pin":             "true flag --pin",
		"--trace":           "false default",
		"limits.body_bytes": "0 default",
	} {
		if rows[name] != want {
			t.Errorf("%s: %q, want %q", name, rows[name], want)
		}
	}
	notShown := 2 // --backend and --config
	if want := 3 + len(serveFlags()) - notShown; len(rows) != want {
		t.Errorf("%d rows, want %d:\n%s", len(rows), want, got.stdout)
	}
}

func TestCheck(t *testing.T) {
	good := file(t, someFile)
	if got, want := lb(t, nil, "check", "-c", good), (result{0, good + ": right, with 2 backends\n", ""}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for text, want := range map[string]string{
		"":                                     "line 1, column 1: $: the file ends where a value should be",
		`{"backends":[{"host":"a","prot":1}]}`: `line 1, column 26: $.backends[0]: unknown key "prot"; did you mean "port"?`,
	} {
		path := file(t, text)
		want := result{2, "", "lb: " + path + ": " + want + "\n"}
		if got := lb(t, nil, "check", "-c", path); got != want {
			t.Errorf("lb check of %q\ngot  %+v\nwant %+v", text, got, want)
		}
		if got := lb(t, nil, "-c", path, "-b", "c:3"); got != want {
			t.Errorf("lb -c of %q\ngot  %+v\nwant %+v", text, got, want)
		}
	}
}

func TestUnreadableFile(t *testing.T) {
	path := file(t, someFile)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(path); err == nil {
		t.Skip("this user may read everything")
	}
	want := result{2, "", "lb: configuration file " + path + ": permission denied\n"}
	if got := lb(t, nil, "check", "-c", path); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestConfigSchemaIsPrinted(t *testing.T) {
	got := lb(t, nil, "config", "schema")
	if got.code != 0 || got.stderr != "" || got.stdout != string(messages.ConfigSchema()) {
		t.Errorf("%+v", got)
	}
	if !json.Valid([]byte(got.stdout)) {
		t.Error("the schema is no JSON")
	}
}

func TestHelpOfTheConfigurationCommands(t *testing.T) {
	for args, want := range map[string]string{
		"check -h": "lb check -c file", "config -h": "lb config schema", "config show -h": "--health-path PATH ",
		"config schema -h": "lb config schema",
	} {
		got := lb(t, nil, strings.Fields(args)...)
		if got.code != 0 || got.stderr != "" || !strings.HasPrefix(got.stdout, "NAME:\n   lb") || !strings.Contains(got.stdout, want) {
			t.Errorf("lb %s: %+v", args, got)
		}
	}
}
