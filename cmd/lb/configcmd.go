package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"lb/messages"
)

func (p *program) checkCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "check",
		Usage:     "check a configuration file; exit code 0 or 2",
		UsageText: "lb check -c file",
		Flags:     []cli.Flag{text("", "config", "c", "", "check the configuration file `FILE`"), helpFlag()},
		Action:    p.checkAction,
	})
}

func (p *program) configCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "config",
		Usage:     "show the effective configuration, or the schema of its file",
		UsageText: "lb config show [flags]\nlb config schema",
		Flags:     []cli.Flag{helpFlag()},
		Subcommands: []*cli.Command{
			p.command(&cli.Command{
				Name:      "show",
				Usage:     "print each setting and where it comes from",
				UsageText: "lb config show [-c file] [flags of lb]",
				Flags:     append(serveFlags(), helpFlag()),
				Action:    p.showAction,
			}),
			p.command(&cli.Command{
				Name:      "schema",
				Usage:     "print the JSON Schema of configuration files",
				UsageText: "lb config schema",
				Flags:     []cli.Flag{helpFlag()},
				Action:    p.schemaAction,
			}),
		},
	})
}

// command adds what all commands share: --help, and bad use that is told in one line.
func (p *program) command(c *cli.Command) *cli.Command {
	run := c.Action
	c.HideHelp = true
	c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return badUse(err) }
	c.Action = func(ctx *cli.Context) error {
		if ctx.Bool("help") {
			return showHelp(ctx)
		}
		return run(ctx)
	}
	return c
}

// showHelp prints the help of the command that runs.
func showHelp(c *cli.Context) error {
	printer, template := cli.HelpPrinter, cli.CommandHelpTemplate
	if len(c.Command.Subcommands) > 0 {
		template = cli.SubcommandHelpTemplate
	}
	printer(c.App.Writer, template, c.Command)
	return nil
}

func (p *program) checkAction(c *cli.Context) error {
	if !c.IsSet("config") {
		return badUse(errors.New("no file: name one with -c FILE"))
	}
	file, err := openConfig(c.String("config"))
	if err != nil {
		return badUse(err)
	}
	merged, err := layers{}.merge(file.decoded)
	if err != nil {
		return badUse(file.about(err))
	}
	_, err = fmt.Fprintf(p.stdout, "%s: right, with %s\n", file.path, plural(len(merged.Config.Backends), "backend"))
	return err
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (p *program) schemaAction(*cli.Context) error {
	_, err := p.stdout.Write(messages.ConfigSchema())
	return err
}

// showAction prints the configuration that lb would serve with the same flags, file and environment.
func (p *program) showAction(c *cli.Context) error {
	s, err := readSettings(c)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, row := range p.rows(c, s) {
		fmt.Fprintln(table, strings.Join(row[:], "\t"))
	}
	return table.Flush()
}

// rows are name, value and origin of all that is effective.
func (p *program) rows(c *cli.Context, s settings) (rows [][3]string) {
	for i, b := range s.Config.Backends {
		origin := p.flagOrigin("backend")
		if !s.layers.has(b) {
			origin = s.file.origin(s.file.index(b))
		}
		rows = append(rows, [3]string{fmt.Sprintf("backends[%d]", i), b.String(), origin})
	}
	for _, setting := range messages.AllSettings() {
		value := setting.Show(s.Settings)
		switch {
		case setting.Path == "listen.workers":
			value = fmt.Sprint(s.workers())
		case value == "":
			value = "-"
		}
		rows = append(rows, [3]string{setting.Path, value, p.origin(c, s, setting.Path)})
	}
	for _, name := range plainNames() {
		value, origin := plainValue(c, s, name), "default"
		if c.IsSet(name) {
			origin = p.flagOrigin(name)
		}
		rows = append(rows, [3]string{"--" + name, value, origin})
	}
	return rows
}

// plainNames are the flags of what no file sets, in the order of the alphabet.
func plainNames() (names []string) {
	shown := map[string]bool{"backend": true, "config": true}
	for _, f := range settingFlags {
		shown[f.name] = true
	}
	for _, f := range serveFlags() {
		if name := f.Names()[0]; !shown[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// plainValue is "-" for none.
func plainValue(c *cli.Context, s settings, name string) string {
	value := c.String(name)
	switch on, isToggle := c.Value(name).(bool); {
	case isToggle:
		return strconv.FormatBool(on)
	case value == "" && name == "control-socket" && s.Listen.Port != 0:
		return usualControl(s.Listen.Port)
	case value == "":
		return "-"
	}
	return value
}

// origin tells where the value of a setting comes from.
func (p *program) origin(c *cli.Context, s settings, path string) string {
	for _, f := range settingFlags {
		if f.path == path && c.IsSet(f.name) {
			return p.flagOrigin(f.name)
		}
	}
	if s.file != nil && s.file.decoded.Gives(path) {
		return s.file.origin(path)
	}
	return "default"
}

// flagOrigin tells a flag from its variable.
func (p *program) flagOrigin(flag string) string {
	for _, argument := range p.arguments {
		if argument == "--"+flag || strings.HasPrefix(argument, "--"+flag+"=") {
			return "flag --" + flag
		}
	}
	return "environment " + envName(flag)
}

// origin tells where in the file a value stands.
func (f *configFile) origin(path string) string {
	at := f.decoded.Place(path)
	return fmt.Sprintf("file %s:%d:%d", f.path, at.Line, at.Column)
}

// index is the path of a backend.
func (f *configFile) index(b messages.Backend) string {
	for i, own := range f.decoded.Config.Backends {
		if own.ID() == b.ID() {
			return fmt.Sprintf("backends[%d]", i)
		}
	}
	return "backends"
}
