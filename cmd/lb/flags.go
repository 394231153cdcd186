package main

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"lb/messages"
)

// Headings of --help, in its order, which is alphabetical.
const (
	onForwarding = "Forwarding"
	onLimits     = "Limits"
	onProcess    = "Process"
	onTimeouts   = "Time limits"
)

const envPrefix = "LB_"

// app describes the command line. Parsing of values is ours (config.go), so that all errors read alike; urfave/cli
// has the flags, their environment, the commands and the help.
func (p *program) app() *cli.App {
	return &cli.App{
		Name:  "lb",
		Usage: "HTTP load balancer",
		UsageText: "lb -b host:port [-b host:port ...] [-p 8080] [flags]\n" +
			"lb demo [--for 10s] [-p 8080]",
		Description: "Forwards HTTP requests to the backends. No configuration file is needed.\n" +
			"Exit codes: 0 clean end, 1 failure at run time, 2 bad use.",
		Flags:    append(serveFlags(), helpFlag(), versionFlag()),
		Commands: []*cli.Command{p.demoCommand()},
		Action:   p.serveCommand,
		Writer:   p.stdout, ErrWriter: p.stderr,
		// Attributes of a backend follow commas.
		DisableSliceFlagSeparator: true,
		UseShortOptionHandling:    true,
		// The stock flags print on bad use and take -v; the stock handler ends the process in the middle of things.
		HideHelp: true, HideVersion: true,
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return badUse(err) },
	}
}

func (p *program) demoCommand() *cli.Command {
	return &cli.Command{
		Name:      "demo",
		Usage:     "balance over three small backends started for the purpose",
		UsageText: "lb demo [--for 10s] [-p 8080]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "for", Usage: "end after this `time`", DefaultText: "at Ctrl-C"},
			&cli.StringFlag{
				Name: "port", Aliases: []string{"p"}, Usage: "listen on this `port`", DefaultText: "8080, or the next free one",
			},
			helpFlag(),
		},
		HideHelp:     true,
		Action:       p.demoAction,
		OnUsageError: func(_ *cli.Context, err error, _ bool) error { return badUse(err) },
	}
}

func helpFlag() cli.Flag {
	return &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print this help", DisableDefaultText: true}
}

func versionFlag() cli.Flag {
	return &cli.BoolFlag{Name: "version", Usage: "print the version", DisableDefaultText: true}
}

func serveFlags() []cli.Flag {
	choices := func(words []string) string { return strings.Join(words, ", ") }
	flags := []cli.Flag{
		list(onForwarding, "backend", "b", "forward to `HOST:PORT`; repeatable; ,weight=N for its share"),
		text(onForwarding, "strategy", "s", "round_robin", "`PICK` by "+choices(messages.Strategies())),
		text(onForwarding, "host-header", "", "auto", "`WHICH` Host backends see: "+choices(messages.HostHeaders())),
		list(onForwarding, "trusted-proxy", "", "keep X-Forwarded-* from the network `CIDR`; repeatable"),

		text(onProcess, "host", "", "0.0.0.0", "listen on this IP `ADDRESS`"),
		text(onProcess, "port", "p", "8080", "listen on this `PORT`; 0: any free one"),
		&cli.StringFlag{
			Category: onProcess, Name: "workers", Aliases: []string{"w"}, EnvVars: []string{envName("workers")},
			Usage: "`NUMBER` of event loops", DefaultText: fmt.Sprintf("one per CPU, here %d", runtime.GOMAXPROCS(0)),
		},
		text(onProcess, "mode", "", "sp", "`MODE` of processes; sp: one"),
		text(onProcess, "loglevel", "l", "info", "log from `LEVEL` on: err, warn, info, debug"),
		text(onProcess, "access-log", "", "errors", "log `WHICH` exchanges: "+choices(messages.AccessLogs())),
		text(onProcess, "pid-file", "", "", "write the process id to `FILE`"),
	}
	return append(flags, boundFlags()...)
}

// boundFlags are the limits of time and amount.
func boundFlags() []cli.Flag {
	t, l := messages.DefaultTimeouts(), messages.DefaultLimits()
	short := func(d fmt.Stringer) string { return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m") }
	return []cli.Flag{
		text(onTimeouts, "connect-timeout", "", t.Connect.String(), "`TIME` to connect to a backend"),
		text(onTimeouts, "header-timeout", "", t.Header.String(), "`TIME` to receive a request head"),
		text(onTimeouts, "body-timeout", "", t.Body.String(), "longest `TIME` of silence inside a body"),
		text(onTimeouts, "response-timeout", "", short(t.Response), "`TIME` to wait for a response's first byte"),
		text(onTimeouts, "idle-timeout", "", short(t.Idle), "`TIME` to keep a connection without a request"),
		text(onTimeouts, "tunnel-timeout", "", short(t.Tunnel), "longest `TIME` of silence after an upgrade"),
		text(onLimits, "max-header-bytes", "", messages.FormatBytes(int64(l.HeaderBytes)), "largest head, `SIZE` to 64KiB"),
		text(onLimits, "max-body-bytes", "", messages.FormatBytes(l.BodyBytes), "largest request body, `SIZE`; 0: no limit"),
		text(onLimits, "max-connections", "", "0", "largest `NUMBER` of client connections; 0: no limit"),
	}
}

// text is a flag with one value. Its default is shown without quotes.
func text(category, name, letter, standard, usage string) cli.Flag {
	return &cli.StringFlag{
		Category: category, Name: name, Aliases: letters(letter), EnvVars: []string{envName(name)},
		Value: standard, DefaultText: standard, Usage: usage,
	}
}

// list is a flag that may be repeated. One value, as the environment has only one, may hold several divided by spaces.
func list(category, name, letter, usage string) cli.Flag {
	return listFlag{&cli.StringSliceFlag{
		Category: category, Name: name, Aliases: letters(letter), EnvVars: []string{envName(name)}, Usage: usage,
	}}
}

// listFlag is a StringSliceFlag that names itself once in the help, not twice.
type listFlag struct{ *cli.StringSliceFlag }

func (f listFlag) String() string {
	names, usage, _ := strings.Cut(f.StringSliceFlag.String(), "\t")
	names, _, _ = strings.Cut(names, " [ ")
	return names + "\t" + usage
}

func letters(letter string) []string {
	if letter == "" {
		return nil
	}
	return []string{letter}
}

// envName is the environment variable of a flag: LB_PID_FILE for pid-file.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
