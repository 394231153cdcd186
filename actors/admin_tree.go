package actors

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"lb/supervisor"
)

// tree is the form of /tree as JSON.
type tree struct {
	Version int        `json:"version"`
	LB      string     `json:"lb"`
	Actors  []treeNode `json:"actors"`
}

type treeNode struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	State    string       `json:"state"`
	Uptime   float64      `json:"uptime_seconds"`
	Waiting  int          `json:"messages_waiting"`
	Restarts int          `json:"restarts"`
	Budget   int          `json:"budget_left"`
	Degraded bool         `json:"degraded"`
	Last     *treeFailure `json:"last_failure,omitempty"`
	Children []treeNode   `json:"children,omitempty"`
}

type treeFailure struct {
	Time     time.Time `json:"time"`
	Reason   string    `json:"reason"`
	Received string    `json:"received"`
	Outcome  string    `json:"outcome"`
}

func treeOf(version string, nodes []*supervisor.Node) *tree {
	return &tree{Version: statusVersion, LB: version, Actors: treeNodes(nodes)}
}

func treeNodes(nodes []*supervisor.Node) []treeNode {
	all := make([]treeNode, 0, len(nodes))
	for _, n := range nodes {
		t := treeNode{
			ID: n.ID, Name: n.Name, State: n.State, Uptime: roundSeconds(n.Uptime), Waiting: n.Queue,
			Restarts: n.Restarts, Budget: n.Budget, Degraded: n.Degraded, Children: treeNodes(n.Children),
		}
		if !n.Last.Time.IsZero() {
			t.Last = &treeFailure{
				Time: n.Last.Time.UTC(), Reason: n.Last.Text, Received: n.Last.Received, Outcome: n.Last.Outcome(),
			}
		}
		all = append(all, t)
	}
	return all
}

// renderTree is the tree for people: a line for each actor, below a heading.
func renderTree(nodes []*supervisor.Node) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ACTOR\tSTATE\tUPTIME\tRESTARTS\tWAITING\tBUDGET\tLAST FAILURE")
	fmt.Fprintln(w, "lb\t\t\t\t\t\t")
	for _, n := range nodes {
		renderNode(w, n, "  ", time.Now())
	}
	w.Flush()
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func renderNode(w *tabwriter.Writer, n *supervisor.Node, indent string, now time.Time) {
	state := n.State
	if n.Degraded {
		state += ", degraded"
	}
	last := ""
	if !n.Last.Time.IsZero() {
		reason, _, _ := strings.Cut(n.Last.Text, "\n")
		last = fmt.Sprintf("%s ago: %s", now.Sub(n.Last.Time).Round(time.Second), strings.ReplaceAll(reason, "\t", " "))
	}
	fmt.Fprintf(w, "%s%s\t%s\t%s\t%d\t%d\t%d\t%s\n", indent, n.Name, state, n.Uptime.Round(time.Second), n.Restarts, n.Queue,
		n.Budget, last)
	for _, c := range n.Children {
		renderNode(w, c, indent+"  ", now)
	}
}
