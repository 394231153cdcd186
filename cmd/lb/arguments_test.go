package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestSpellOut(t *testing.T) {
	app := (&program{}).app()
	for in, want := range map[string]string{
		"":                         "",
		"-p9":                      "--port=9",
		"-p 9":                     "--port=9",
		"-p=9":                     "--port=9",
		"--p 9":                    "--port=9",
		"-port 9":                  "--port=9",
		"--port=9":                 "--port=9",
		"--port=":                  "--port=",
		"-hp9":                     "--help --port=9",
		"-hp 9":                    "--help --port=9",
		"-h":                       "--help",
		"-ba:1 -b b:1 --backend=c": "--backend=a:1 --backend=b:1 --backend=c",
		"-b a:1,weight=2":          "--backend=a:1,weight=2",
		"-p -1":                    "--port=-1",
		"-b a:1 --":                "--backend=a:1",
		"-lwarn -srandom -w4":      "--loglevel=warn --strategy=random --workers=4",
		"demo":                     "demo",
		"demo --for 10s -p9":       "demo --for=10s --port=9",
		"check -cx":                "check --config=x",
		"config -h":                "config --help",
		"config show -cx -ba:1":    "config show --config=x --backend=a:1",
		"config schema":            "config schema",
		"help":                     "--help",
		"help config":              "config --help",
		"-p9 --port 9":             "--port=9 --port=9",
	} {
		got, err := spellOut(strings.Fields(in), app)
		if err != nil || !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("spellOut(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

// A command that takes arguments takes them among its flags; behind "--" no flag counts.
func TestSpellOutArgumentsOfACommand(t *testing.T) {
	verb := func(name string) *cli.Command {
		return &cli.Command{Name: name, ArgsUsage: "BACKEND", Flags: []cli.Flag{text("", "at", "a", "", "")}}
	}
	app := &cli.App{Commands: []*cli.Command{{Name: "ctl", Subcommands: []*cli.Command{verb("drain"), verb("weight")}}}}
	for in, want := range map[string]string{
		"ctl drain":                  "ctl drain",
		"ctl drain a:1":              "ctl drain -- a:1",
		"ctl weight a:1 -a x 5":      "ctl weight --at=x -- a:1 5",
		"ctl weight a:1 -- -a x":     "ctl weight -- a:1 -a x",
		"ctl weight -- a:1 -- -5":    "ctl weight -- a:1 -- -5",
		"ctl weight --at=x -- a:1 5": "ctl weight --at=x -- a:1 5",
	} {
		got, err := spellOut(strings.Fields(in), app)
		if err != nil || !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("spellOut(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

// What was spelled out once stays as it is, and every fault is bad use.
func FuzzSpellOut(f *testing.F) {
	for _, seed := range []string{"-p9 -b a:1", "demo --for 1s", "-hp 9 -- x", "-\xff", "--=", "-b=", "- -h=1"} {
		f.Add(seed)
	}
	app := (&program{}).app()
	f.Fuzz(func(t *testing.T, line string) {
		once, err := spellOut(strings.Split(line, " "), app)
		if err != nil {
			if _, ok := err.(*usageError); !ok || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("%q: %T %q", line, err, err)
			}
			return
		}
		twice, err := spellOut(once, app)
		if err != nil || !slices.Equal(once, twice) {
			t.Fatalf("%q: spelled out as %q, then as %q, %v", line, once, twice, err)
		}
	})
}
