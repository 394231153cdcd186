package main

import (
	"strings"
	"testing"
)

const statuses = "not a status or range of them from 100 to 599, such as 200 or 200-399"

// Bad use is one line on stderr, nothing on stdout, exit code 2.
func TestBadUse(t *testing.T) {
	for args, want := range map[string]string{
		"":                             `no backend: name one with -b host:port, or a file with -c FILE`,
		"-p 80":                        `no backend: name one with -b host:port, or a file with -c FILE`,
		"-v":                           `unknown flag "-v"; did you mean "--version"?`,
		"-c lb.json":                   `configuration file lb.json: no such file or directory`,
		"-b a:1 -c .":                  `configuration file .: is a directory`,
		"check -c .":                   `configuration file .: is a directory`,
		"check":                        `no file: name one with -c FILE`,
		"check lb.json":                `unexpected argument "lb.json"; did you mean "-c lb.json"?`,
		"ctl drian a:1":                `unknown verb "drian"; did you mean "drain"?`,
		"ctl foo":                      `not one of drain, enable, weight, reload, stop, workers, upgrade, loglevel: "foo"`,
		"config":                       `one of show, schema is missing after "config"`,
		"config shwo":                  `unknown command "config shwo"; did you mean "config show"?`,
		"config -h show":               `before the command nothing may stand, found "--help"; did you mean "show --help"?`,
		"config show":                  `no backend: name one with -b host:port, or a file with -c FILE`,
		"config show --prot 1":         `unknown flag "--prot"; did you mean "--port"?`,
		"config schema -c x":           `unknown flag "-c"`,
		"-b a:1 --health-type icmp":    `--health-type "icmp": not one of http, tcp, off; did you mean "tcp"?`,
		"-b a:1 --health-path up":      `--health-path "up": must begin with /`,
		"-b a:1 --health-status 2xx":   `--health-status "2xx": ` + statuses,
		"-b a:1 --health-interval 5":   `--health-interval "5": not a time such as 500ms, 5s or 1h; did you mean "5s"?`,
		"-b a:1 --health-timeout 0s":   `--health-timeout "0s": must be 1ms to 720h`,
		"-b a:1 --health-fall -1":      `--health-fall "-1": must be 0 to 1000`,
		"-b a:1 --health-rise 0":       `--health-rise "0": must be 1 to 1000`,
		"-b a:1 --fail-open=maybe":     `no value belongs to this flag: "--fail-open=maybe"; did you mean "--fail-open"?`,
		"-b a:1 --slow-start -1s":      `--slow-start "-1s": must be 0s to 720h`,
		"-b a:1 --hash-key cokie:a":    `--hash-key "cokie:a": not client, header:Name or cookie:Name; did you mean "cookie:a"?`,
		"-b a:1 --sticky a=b":          `--sticky "a=b": a name has letters, digits and any of !#$%&'*+-.^_` + "`|~",
		"-b a:1 --queue 0":             `--queue "0": must be 1 to 1073741824`,
		"-b a:1 --queue-timeout 0s":    `--queue-timeout "0s": must be 1ms to 720h`,
		"-b a:1 --drain-timeout 1":     `--drain-timeout "1": not a time such as 500ms, 5s or 1h; did you mean "1s"?`,
		"-b a:1 --drain-timeout -1s":   `--drain-timeout "-1s": must be 0s to 720h`,
		"-b a:1,max=0":                 `backend attribute "max=0": max must be 1 to 1000000`,
		"--prot 80":                    `unknown flag "--prot"; did you mean "--port"?`,
		"--prot=80":                    `unknown flag "--prot"; did you mean "--port"?`,
		"-prot 80":                     `unknown flag "-prot"; did you mean "--port"?`,
		"--backends a:1":               `unknown flag "--backends"; did you mean "--backend"?`,
		"--strat random":               `unknown flag "--strat"; did you mean "--strategy"?`,
		"--timeout 5s":                 `unknown flag "--timeout"`,
		"-P 80":                        `unknown flag "-P"; did you mean "-p"?`,
		"-hx":                          `unknown flag "-hx"`,
		"---port 80":                   `unknown flag "---port"; did you mean "--port"?`,
		"--help=yes":                   `no value belongs to this flag: "--help=yes"; did you mean "--help"?`,
		"-b":                           `a value is missing after "-b"`,
		"-b --port 80":                 `a value is missing after "-b"`,
		"-b a:1 -p":                    `a value is missing after "-p"`,
		"-b a:1 x -p 9":                `unexpected argument "x"`,
		"-b a:1 b:1":                   `unexpected argument "b:1"; did you mean "-b b:1"?`,
		"-b a:1 -- -p 9":               `unexpected argument "-p"`,
		"-b a:1 -":                     `unexpected argument "-"`,
		"port 80":                      `unexpected argument "port"; did you mean "--port"?`,
		"dmeo":                         `unknown command "dmeo"; did you mean "demo"?`,
		"-b a:1 -p 8081 -p8082":        `two values for --port: "8081" and "8082"`,
		"-b a:1 -p 9 --port=10":        `two values for --port: "9" and "10"`,
		"help x":                       `unexpected argument "x"`,
		"--help x":                     `unexpected argument "x"`,
		"-p 80 demo":                   `before the command nothing may stand, found "--port"; did you mean "demo --port"?`,
		"demo x":                       `unexpected argument "x"`,
		"demo --fro 1s":                `unknown flag "--fro"; did you mean "--for"?`,
		"demo --for 1":                 `--for "1": not a time such as 500ms, 5s or 1h; did you mean "1s"?`,
		"demo --for 0s":                `--for "0s": must be above 0`,
		"demo -p x":                    `--port "x": must be 0 to 65535`,
		"-b a":                         `backend "a": no port; did you mean "a:80"?`,
		"-b a:0":                       `backend "a:0": port "0" is not 1 to 65535`,
		"-b a:65536":                   `backend "a:65536": port "65536" is not 1 to 65535`,
		"-b a:1,weight=0":              `backend attribute "weight=0": weight must be 1 to 1000`,
		"-b a:1,wight=2":               `backend attribute "wight=2": only weight=N and max=N are known; did you mean "weight=2"?`,
		"-b a:1 -b http://A:1":         `backend "a:1": named twice`,
		"-b a:1 --backend a:1":         `backend "a:1": named twice`,
		"-b a:1 --trace-filter x":      `--trace-filter and --trace-secrets are of use with --trace or --tls-trace only`,
		"-b a:443 --ca-file /none":     `CA file "/none": no such file or directory`,
		"-b a:443 --client-cert /none": `client certificate "/none": its key is missing`,
		"-b a:443 --tls-server-name /": `--tls-server-name "/": not a host name or IP address`,
		"-b a:1 --upgrade-move yes":    `--upgrade-move "yes": must be on or off`,
		"-b a:1 --mode ps":             `--mode "ps": must be sp or mp; did you mean "sp"?`,
		"-b a:1 -p 65536":              `--port "65536": must be 0 to 65535`,
		"-b a:1 -p9x":                  `--port "9x": must be 0 to 65535`,
		"-b a:1 -p -1":                 `--port "-1": must be 0 to 65535`,
		"-s wieghted":                  `--strategy "wieghted": not one of round_robin, weighted, random, least_conn, p2c, hash; did you mean "weighted"?`,
		"-b a:1 -l wran":               `--loglevel "wran": not one of err, warn, info, debug; did you mean "warn"?`,
		"-b a:1 -w 0":                  `--workers "0": must be 1 to 1024`,
		"-b a:1 -w 1025":               `--workers "1025": must be 1 to 1024`,
		"-b a:1 --workers=":            `--workers: must be 1 to 1024`,
		"-b a:1 --host localhost":      `--host "localhost": must be an IP address to listen on; did you mean "127.0.0.1"?`,
		"-b a:1 --idle-timeout 60":     `--idle-timeout "60": not a time such as 500ms, 5s or 1h; did you mean "60s"?`,
		"-b a:1 --idle-timeout 0s":     `--idle-timeout "0s": must be 1ms to 720h`,
		"-b a:1 --max-header-bytes 9":  `--max-header-bytes "9": must be 1KiB to 64KiB`,
		"-b a:1 --max-body-bytes 1T":   `--max-body-bytes "1T": not a size such as 65536, 64KiB or 10MB`,
		"-b a:1 --max-connections -1":  `--max-connections "-1": must be 0 to 1073741824`,
		"-b a:1 --trusted-proxy 10/8":  `--trusted-proxy "10/8": not a network such as 10.0.0.0/8`,
		"-b a:1 --host-header keep":    `--host-header "keep": not one of auto, preserve, backend`,
		"-b a:1 --access-log error":    `--access-log "error": not one of errors, off, on; did you mean "errors"?`,
		"-b a:1 --access-log=\x1b[31m": `--access-log "\x1b[31m": not one of errors, off, on`,
	} {
		got := lb(t, nil, strings.Fields(args)...)
		if want := (result{2, "", "lb: " + want + "\n"}); got != want {
			t.Errorf("lb %s\ngot  %+v\nwant %+v", args, got, want)
		}
	}
}

func TestBadUseOfTheEnvironment(t *testing.T) {
	for entry, want := range map[string]string{
		"LB_FAIL_OPEN=x":         `--fail-open "x": must be true or false`,
		"LB_CONFIG=.":            `configuration file .: is a directory`,
		"LB_PORT=x":              `--port "x": must be 0 to 65535`,
		"LB_STRATEGY=rnd":        `--strategy "rnd": not one of round_robin, weighted, random, least_conn, p2c, hash`,
		"LB_BACKEND=a:1 b":       `backend "b": no port; did you mean "b:80"?`,
		"LB_MAX_CONNECTIONS=1.5": `--max-connections "1.5": must be 0 to 1073741824`,
	} {
		env := []string{"LB_BACKEND=a:1", entry}
		if got, want := lb(t, env), (result{2, "", "lb: " + want + "\n"}); got != want {
			t.Errorf("%s\ngot  %+v\nwant %+v", entry, got, want)
		}
	}
}

func TestHelpAndVersionAreOnStdout(t *testing.T) {
	version := lb(t, nil, "--version")
	if version.code != 0 || version.stderr != "" || !strings.HasPrefix(version.stdout, "lb v9.8.7 (go") {
		t.Errorf("--version: %+v", version)
	}
	help := lb(t, []string{"LB_PORT=x"}, "--help")
	if help.code != 0 || help.stderr != "" || !strings.HasPrefix(help.stdout, "NAME:\n   lb - ") {
		t.Errorf("--help: %+v", help)
	}
	if short := lb(t, nil, "-h"); short != help {
		t.Errorf("-h differs from --help: %+v", short)
	}
	demo := lb(t, nil, "demo", "-h")
	if demo.code != 0 || demo.stderr != "" || !strings.Contains(demo.stdout, "--for time") {
		t.Errorf("demo -h: %+v", demo)
	}
}

func TestHelpShowsEachFlagWithDefaultAndVariable(t *testing.T) {
	help := lb(t, nil, "--help").stdout
	for _, want := range []string{
		"--backend HOST:PORT, -b HOST:PORT ", "[$LB_BACKEND]",
		"--strategy PICK, -s PICK ", "(default: round_robin) [$LB_STRATEGY]",
		"--config FILE, -c FILE ", "[$LB_CONFIG]",
		"--hash-key KEY ", "(default: client) [$LB_HASH_KEY]",
		"--sticky NAME ", "[$LB_STICKY]",
		"--health-type TYPE ", "(default: http) [$LB_HEALTH_TYPE]",
		"--health-path PATH ", "(default: /) [$LB_HEALTH_PATH]",
		"--health-status STATUS ", "(default: 100-499) [$LB_HEALTH_STATUS]",
		"--health-interval TIME ", "(default: 5s) [$LB_HEALTH_INTERVAL]",
		"--health-timeout TIME ", "(default: 2s) [$LB_HEALTH_TIMEOUT]",
		"--health-fall NUMBER ", "(default: 3) [$LB_HEALTH_FALL]",
		"--health-rise NUMBER ", "(default: 2) [$LB_HEALTH_RISE]",
		"--fail-open ", "[$LB_FAIL_OPEN]",
		"--slow-start TIME ", "(default: 0s) [$LB_SLOW_START]",
		"--queue NUMBER ", "(default: 1024) [$LB_QUEUE]",
		"--queue-timeout TIME ", "(default: 1s) [$LB_QUEUE_TIMEOUT]",
		"--drain-timeout TIME ", "(default: 30s) [$LB_DRAIN_TIMEOUT]",
		"--insecure, -k ", "[$LB_INSECURE]",
		"--ca-file FILE ", "[$LB_CA_FILE]",
		"--client-cert FILE ", "[$LB_CLIENT_CERT]",
		"--client-key FILE ", "[$LB_CLIENT_KEY]",
		"--tls-server-name NAME ", "[$LB_TLS_SERVER_NAME]",
		"--host-header WHICH ", "(default: auto) [$LB_HOST_HEADER]",
		"--trusted-proxy CIDR ", "[$LB_TRUSTED_PROXY]",
		"--host ADDRESS ", "(default: 0.0.0.0) [$LB_HOST]",
		"--port PORT, -p PORT ", "(default: 8080) [$LB_PORT]",
		"--workers NUMBER, -w NUMBER ", "(default: one per CPU, here ", "[$LB_WORKERS]",
		"--mode MODE ", "(default: sp) [$LB_MODE]",
		"--loglevel LEVEL, -l LEVEL ", "(default: info) [$LB_LOGLEVEL]",
		"--access-log WHICH ", "(default: errors) [$LB_ACCESS_LOG]",
		"--pid-file FILE ", "[$LB_PID_FILE]",
		"--connect-timeout TIME ", "(default: 5s) [$LB_CONNECT_TIMEOUT]",
		"--header-timeout TIME ", "(default: 10s) [$LB_HEADER_TIMEOUT]",
		"--body-timeout TIME ", "(default: 30s) [$LB_BODY_TIMEOUT]",
		"--response-timeout TIME ", "(default: 1m) [$LB_RESPONSE_TIMEOUT]",
		"--idle-timeout TIME ", "(default: 1m) [$LB_IDLE_TIMEOUT]",
		"--tunnel-timeout TIME ", "(default: 1h) [$LB_TUNNEL_TIMEOUT]",
		"--max-header-bytes SIZE ", "(default: 32KiB) [$LB_MAX_HEADER_BYTES]",
		"--max-body-bytes SIZE ", "(default: 0) [$LB_MAX_BODY_BYTES]",
		"--max-connections NUMBER ", "(default: 0) [$LB_MAX_CONNECTIONS]",
		"--trace, -t ", "[$LB_TRACE]",
		"--tls-trace ", "[$LB_TLS_TRACE]",
		"--trace-filter TEXT ", "[$LB_TRACE_FILTER]",
		"--trace-secrets ", "[$LB_TRACE_SECRETS]",
		"--help, -h ", "--version ", "demo ",
	} {
		if !strings.Contains(help, want) {
			t.Errorf("--help lacks %q", want)
		}
	}
	for line := range strings.Lines(help) {
		if len(line) > 140 {
			t.Errorf("--help has a line of %d bytes: %s", len(line), line)
		}
	}
}
