package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"lb/messages"
)

// Headings of --help, in its order, which is alphabetical.
const (
	onForwarding = "Forwarding"
	onHealth     = "Health"
	onLimits     = "Limits"
	onProcess    = "Process"
	onTLS        = "TLS to backends"
	onTimeouts   = "Time limits"
	onTracing    = "Tracing"
)

const envPrefix = "LB_"

// app describes the command line. Parsing of values is ours (config.go), so that all errors read alike; urfave/cli
// has the flags, their environment, the commands and the help.
func (p *program) app() *cli.App {
	return &cli.App{
		Name:  "lb",
		Usage: "HTTP load balancer",
		UsageText: "lb -b host:port [-b host:port ...] [-p 8080] [-c file] [flags]\n" +
			"lb demo [--for 10s] [-p 8080]\n" +
			"lb check -c file\n" +
			"lb ctl drain|enable|weight|reload|stop|workers|upgrade|loglevel ...\n" +
			"lb tree\n" +
			"lb config show [flags]",
		Description: "Forwards HTTP requests to the backends. No configuration file is needed.\n" +
			"Exit codes: 0 clean end, 1 failure at run time, 2 bad use.",
		Flags:    append(serveFlags(), helpFlag(), versionFlag()),
		Commands: []*cli.Command{p.demoCommand(), p.checkCommand(), p.configCommand(), p.ctlCommand(), p.treeCommand()},
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

// serveFlags are those of the program without a command, and of lb config show.
func serveFlags() []cli.Flag {
	flags := []cli.Flag{
		text(onProcess, "config", "c", "", "read the configuration file `FILE`; flags win over it"),
		text(onProcess, "mode", "", oneProcess, "`MODE` of processes; sp: one, mp: a master and one for each worker"),
		newToggle(onProcess, "pin", "", "keep each worker process on a CPU of its own"),
		text(onProcess, "loglevel", "l", "info", "log from `LEVEL` on: err, warn, info, debug"),
		text(onProcess, "admin", "", "", "serve /metrics, /status, /tree, /readyz, /livez on `ADDRESS` only"),
		controlFlag(),
		text(onProcess, "pid-file", "", "", "write the process id to `FILE`"),
		text(onProcess, "log-file", "", "", "log to `FILE`; SIGUSR1 opens it again"),
		text(onProcess, "upgrade-move", "", "on", "hand idle connections and tunnels over at an upgrade: `on` or off"),
		text(onTimeouts, "upgrade-timeout", "", messages.FormatDuration(upgradeTime), "`TIME` for a new process to serve in"),
		text(onTimeouts, "drain-delay", "", "0s", "`TIME` to go on accepting at the end, no longer ready"),
		text(onTimeouts, "drain-timeout", "", messages.FormatDuration(drainTime), "`TIME` for running exchanges at the end"),
		list(onForwarding, "backend", "b", "forward to `HOST:PORT`; repeatable; ,weight=N its share; ,max=N exchanges"),
	}
	for _, s := range settingFlags {
		flags = append(flags, s.flag())
	}
	return append(flags, traceFlags()...)
}

// settingFlag is a flag of something that a configuration file may set, too.
type settingFlag struct {
	category, name, letter string
	path                   string // in the file
	usage                  string
}

// settingFlags has each of messages.AllSettings.
var settingFlags = append(plainFlags, tlsFlags...)

var plainFlags = []settingFlag{
	{onForwarding, "strategy", "s", "strategy", "`PICK` by " + choices(messages.Strategies())},
	{onForwarding, "hash-key", "", "hash_key", "`KEY` of hash: client, header:Name, cookie:Name"},
	{onForwarding, "sticky", "", "sticky", "keep clients on their backend by the cookie `NAME`"},
	{onForwarding, "host-header", "", "host_header", "`WHICH` Host backends see: " + choices(messages.HostHeaders())},
	{onForwarding, "trusted-proxy", "", "trusted_proxies", "keep X-Forwarded-* from the network `CIDR`; repeatable"},

	{onHealth, "health-type", "", "health.type", "probe by `TYPE`: " + choices(messages.HealthTypes())},
	{onHealth, "health-path", "", "health.path", "probe this `PATH`"},
	{onHealth, "health-status", "", "health.status", "`STATUS` of a healthy answer: 200 or 200-399"},
	{onHealth, "health-interval", "", "health.interval", "`TIME` between two probes of a backend"},
	{onHealth, "health-timeout", "", "health.timeout", "`TIME` that a probe may take"},
	{onHealth, "health-fall", "", "health.fall", "down after this `NUMBER` of failures; 0: never"},
	{onHealth, "health-rise", "", "health.rise", "up again after this `NUMBER` of successes"},
	{onHealth, "fail-open", "", "health.fail_open", "use backends that are down when no other is left"},
	{onHealth, "slow-start", "", "health.slow_start", "`TIME` to full share for a backend that is back"},

	{onProcess, "host", "", "listen.host", "listen on this IP `ADDRESS`"},
	{onProcess, "port", "p", "listen.port", "listen on this `PORT`; 0: any free one"},
	{onProcess, "workers", "w", "listen.workers", "`NUMBER` of event loops"},
	{onProcess, "access-log", "", "access_log", "log `WHICH` exchanges: " + choices(messages.AccessLogs())},

	{onTimeouts, "connect-timeout", "", "timeouts.connect", "`TIME` to connect to a backend"},
	{onTimeouts, "header-timeout", "", "timeouts.header", "`TIME` to receive a request head"},
	{onTimeouts, "body-timeout", "", "timeouts.body", "longest `TIME` of silence inside a body"},
	{onTimeouts, "response-timeout", "", "timeouts.response", "`TIME` to wait for a response's first byte"},
	{onTimeouts, "idle-timeout", "", "timeouts.idle", "`TIME` to keep a connection without a request"},
	{onTimeouts, "tunnel-timeout", "", "timeouts.tunnel", "longest `TIME` of silence after an upgrade"},
	{onTimeouts, "queue-timeout", "", "timeouts.queue", "`TIME` to wait for a backend below its max"},

	{onLimits, "max-header-bytes", "", "limits.header_bytes", "largest head, `SIZE` to 64KiB"},
	{onLimits, "max-body-bytes", "", "limits.body_bytes", "largest request body, `SIZE`; 0: no limit"},
	{onLimits, "max-connections", "", "limits.connections", "largest `NUMBER` of client connections; 0: no limit"},
	{onLimits, "queue", "", "limits.queue", "largest `NUMBER` of requests waiting for a backend"},
}

func choices(words []string) string { return strings.Join(words, ", ") }

// setting is what the flag sets.
func (f settingFlag) setting() messages.Setting {
	s, known := messages.FindSetting(f.path)
	if !known {
		panic("--" + f.name + " sets " + f.path + ", which is no setting")
	}
	return s
}

func (f settingFlag) flag() cli.Flag {
	s := f.setting()
	switch {
	case s.Kind == messages.List:
		return list(f.category, f.name, f.letter, f.usage)
	case s.Kind == messages.Switch:
		return newToggle(f.category, f.name, f.letter, f.usage)
	}
	one := text(f.category, f.name, f.letter, s.Show(messages.DefaultSettings()), f.usage)
	if f.name == "workers" {
		one.DefaultText = fmt.Sprintf("one per CPU, here %d", processors)
	}
	return one
}

// text is a flag with one value. Its default is shown without quotes.
func text(category, name, letter, standard, usage string) *cli.StringFlag {
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

// toggle is a flag without a value. Its variable has one, and urfave/cli speaks of that as a programmer does.
type toggle struct{ *cli.BoolFlag }

func newToggle(category, name, letter, usage string) cli.Flag {
	return toggle{&cli.BoolFlag{
		Category: category, Name: name, Aliases: letters(letter), EnvVars: []string{envName(name)}, Usage: usage,
		DisableDefaultText: true,
	}}
}

// Apply implements cli.Flag.
func (t toggle) Apply(set *flag.FlagSet) error {
	if word := os.Getenv(envName(t.Name)); word != "" {
		if _, err := messages.ParseSwitch("--"+t.Name, word); err != nil {
			return err
		}
	}
	return t.BoolFlag.Apply(set)
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
