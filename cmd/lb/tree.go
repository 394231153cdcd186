package main

import (
	"net/http"

	"github.com/urfave/cli/v2"

	"lb/messages"
)

var treeFormats = []string{"text", "json"}

func (p *program) treeCommand() *cli.Command {
	return &cli.Command{
		Name:      "tree",
		Usage:     "show the live supervision tree of a running lb",
		UsageText: "lb tree [--format text|json]",
		Flags: append(whichFlags(),
			&cli.StringFlag{Name: "format", Usage: "`FORMAT`: text or json", Value: "text", DefaultText: "text"}, helpFlag()),
		HideHelp: true, Action: p.treeAction,
		OnUsageError: func(_ *cli.Context, err error, _ bool) error { return badUse(err) },
	}
}

func (p *program) treeAction(c *cli.Context) error {
	if c.Bool("help") {
		return cli.ShowCommandHelp(c, "tree")
	}
	format := c.String("format")
	if format != "text" && format != "json" {
		return badWord("unknown format", format, messages.Nearest(format, treeFormats))
	}
	socket, err := chosenSocket(c)
	if err != nil {
		return err
	}
	answer, err := talk(socket, http.MethodGet, "/tree?format="+format, nil, 0)
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(answer)
	return err
}
