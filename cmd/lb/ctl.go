package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"lb/messages"
)

// ctlWithin bounds an order and its answer.
const ctlWithin = 10 * time.Second

// verb is one order of lb ctl.
type verb struct {
	name  string
	takes []string // names of its arguments
	order func(words []string) (map[string]any, error)

	within time.Duration // bound; ctlWithin when zero
}

var verbs = []verb{
	{"drain", []string{"BACKEND"}, onBackend, 0},
	{"enable", []string{"BACKEND"}, onBackend, 0},
	{"weight", []string{"BACKEND", "N"}, onWeight, 0},
	{"reload", nil, func([]string) (map[string]any, error) { return nil, nil }, 0},
	{"stop", nil, func([]string) (map[string]any, error) { return nil, nil }, 0},
	{"workers", []string{"N"}, onWorkers, 0},
	{"upgrade", nil, func([]string) (map[string]any, error) { return nil, nil }, messages.MaxTimeout},
	{"loglevel", []string{"LEVEL"}, onLevel, 0},
}

func (p *program) ctlCommand() *cli.Command {
	return &cli.Command{
		Name:  "ctl",
		Usage: "give an order to a running lb",
		UsageText: "lb ctl drain BACKEND      it finishes what it has and gets nothing new\n" +
			"lb ctl enable BACKEND     it gets requests again\n" +
			"lb ctl weight BACKEND N   another weight; 0: the configured one\n" +
			"lb ctl reload             read the configuration file now\n" +
			"lb ctl stop               end after what runs, within 30s\n" +
			"lb ctl workers N          from now on so many\n" +
			"lb ctl upgrade            have a new process of the file on disk take over\n" +
			"lb ctl loglevel LEVEL     err, warn, info, debug",
		ArgsUsage: "VERB",
		Flags:     append(whichFlags(), helpFlag()),
		HideHelp:  true, Action: p.ctlAction,
		OnUsageError: func(_ *cli.Context, err error, _ bool) error { return badUse(err) },
	}
}

// whichFlags choose among several that run.
func whichFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "control-socket", EnvVars: []string{envName("control-socket")},
			Usage: "the unix socket `PATH` of the running lb", DefaultText: "that of the only one which runs",
		},
		&cli.StringFlag{Name: "port", Aliases: []string{"p"}, Usage: "the lb that listens on this `PORT`"},
	}
}

func (p *program) ctlAction(c *cli.Context) error {
	if c.Bool("help") {
		return showHelp(c)
	}
	v, order, err := readVerb(c.Args().Slice())
	if err != nil {
		return badUse(err)
	}
	socket, err := chosenSocket(c)
	if err != nil {
		return err
	}
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	answer, err := talk(socket, http.MethodPost, "/"+v.name, body, v.within)
	if err != nil {
		return err
	}
	var said struct{ Done string }
	if err := json.Unmarshal(answer, &said); err != nil {
		return fmt.Errorf("%s answers what is no answer: %w", socket, err)
	}
	_, err = fmt.Fprintln(p.stdout, said.Done)
	return err
}

func readVerb(words []string) (v verb, order map[string]any, err error) {
	var names []string
	for _, known := range verbs {
		names = append(names, known.name)
	}
	if len(words) == 0 {
		return v, nil, errors.New("ctl: a verb is missing: " + strings.Join(names, ", "))
	}
	for _, known := range verbs {
		if known.name == words[0] {
			v = known
		}
	}
	switch given := words[1:]; {
	case v.name == "":
		return v, nil, unknownVerb(words[0], names)
	case len(given) < len(v.takes):
		return v, nil, badWord(v.takes[len(given)]+" is missing after", words[len(words)-1], "")
	case len(given) > len(v.takes):
		return v, nil, badWord("unexpected argument", given[len(v.takes)], "")
	}
	order, err = v.order(words[1:])
	if order == nil {
		order = map[string]any{}
	}
	return v, order, err
}

// unknownVerb names all verbs when none is like the word.
func unknownVerb(word string, names []string) error {
	near := messages.Nearest(word, names)
	if near == "" {
		return badWord("not one of "+strings.Join(names, ", ")+":", word, "")
	}
	return badWord("unknown verb", word, near)
}

func onBackend(words []string) (map[string]any, error) {
	b, err := messages.ParseBackend(words[0])
	return map[string]any{"backend": b.ID()}, err
}

func onWeight(words []string) (map[string]any, error) {
	order, err := onBackend(words)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(words[1], 10, 31)
	if err != nil || n > messages.MaxWeight {
		why := "must be 0 to " + strconv.Itoa(messages.MaxWeight) + "; 0: the configured weight"
		return nil, &messages.InvalidError{Subject: "weight", Word: words[1], Why: why}
	}
	order["weight"] = n
	return order, nil
}

func onWorkers(words []string) (map[string]any, error) {
	n, err := strconv.ParseUint(words[0], 10, 31)
	if err != nil || n < 1 || n > messages.MaxWorkers {
		return nil, &messages.InvalidError{
			Subject: "workers", Word: words[0], Why: "must be 1 to " + strconv.Itoa(messages.MaxWorkers),
		}
	}
	return map[string]any{"workers": n}, nil
}

func onLevel(words []string) (map[string]any, error) {
	_, err := parseLevel("log level", words[0])
	return map[string]any{"level": words[0]}, err
}

// chosenSocket is the one that the flags name, or that of the only lb which runs.
func chosenSocket(c *cli.Context) (string, error) {
	switch path, port := c.String("control-socket"), c.String("port"); {
	case path == controlOff:
		return "", badWord("not a path: --control-socket", path, "")
	case path != "":
		return path, nil
	case port != "":
		n, err := parsePort("--port", port)
		if err != nil {
			return "", badUse(err)
		}
		return controlOf(n), nil
	}
	return findControl()
}

// talk sends one request over a unix socket and waits so long for the answer, or ctlWithin. An answer of an error is an
// error.
func talk(socket, method, target string, body []byte, within time.Duration) ([]byte, error) {
	client := &http.Client{Timeout: cmp.Or(within, ctlWithin), Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: dialWithin}).DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}}
	r, err := http.NewRequest(method, "http://lb"+target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, unreachable(socket, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", socket, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(complaint(response.Status, answer))
	}
	return answer, nil
}

// unreachable tells a socket that may not be opened from one that nobody listens on.
func unreachable(socket string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: only the user that lb runs as, or root, may give orders: %w", socket, cause(err))
	}
	return fmt.Errorf("no lb answers on %s: %w", socket, cause(err))
}

// cause drops what net/http puts in front: the method and an address that is none.
func cause(err error) error {
	var system *net.OpError
	if errors.As(err, &system) {
		return system.Err
	}
	return err
}

func complaint(status string, answer []byte) string {
	var said struct{ Error string }
	if json.Unmarshal(answer, &said) == nil && said.Error != "" {
		return said.Error
	}
	return status + " " + strings.TrimSpace(string(answer))
}
