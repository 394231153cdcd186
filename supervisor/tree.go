package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Node is one live actor in the tree.
type Node struct {
	ID       string        // the whole path
	Name     string        // relative to its parent in the tree
	State    string        // running, failed (it waits for its restart), restarting or stopping
	Uptime   time.Duration // of the present instance; 0 unless it is running
	Queue    int           // messages that wait, one that is being received not counted
	Restarts int           // how often it was started again
	Last     Failure       // the latest failure that led to a restart; zero: none
	Budget   int           // failures in a row that may follow before it is degraded
	Degraded bool          // the budget is overdrawn: it is retried at the cap, or has not run long enough since
	Children []*Node
}

// Tree returns the actors that live now, sorted by id on each level. A child whose parent is gone stands one level
// higher.
func (s *System) Tree() []*Node {
	nodes := s.nodes(time.Now())
	var top []*Node
	for _, n := range nodes {
		if parent := parentOf(n.ID, nodes); parent != nil {
			n.Name = strings.TrimPrefix(n.ID, parent.ID+"/")
			parent.Children = append(parent.Children, n)
		} else {
			top = append(top, n)
		}
	}
	for _, n := range nodes {
		sortNodes(n.Children)
	}
	sortNodes(top)
	return top
}

// String renders the node and what is below it, one line each, indented by two blanks per level.
func (n *Node) String() string {
	var b strings.Builder
	n.render(&b, "")
	return b.String()
}

func (n *Node) render(b *strings.Builder, indent string) {
	b.WriteString(indent + n.Name)
	if n.State != running.String() {
		b.WriteString(" " + n.State)
	}
	if n.Degraded {
		b.WriteString(" degraded")
	}
	if n.Queue > 0 {
		fmt.Fprintf(b, " (%d waiting)", n.Queue)
	}
	b.WriteByte('\n')
	for _, c := range n.Children {
		c.render(b, indent+"  ")
	}
}

// nodes pictures every actor that lives at the time now, by id.
func (s *System) nodes(now time.Time) map[string]*Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	nodes := make(map[string]*Node, len(s.guards))
	for id, g := range s.guards {
		nodes[id] = g.node(id, now)
	}
	return nodes
}

func (g *guard) node(id string, now time.Time) *Node {
	g.record.mu.Lock()
	defer g.record.mu.Unlock()
	r := &g.record
	n := &Node{ID: id, Name: id, State: g.now().String(), Queue: g.mailbox.UserMessageCount(), Last: r.last}
	n.Restarts = max(r.starts-1, 0)
	n.Budget, n.Degraded = r.backoff.Left(r.score, now)
	if g.now() == running && r.starts > 0 {
		n.Uptime = now.Sub(r.started)
	}
	return n
}

// parentOf finds the nearest live ancestor. Names may hold slashes, so that the last one need not be the right one.
func parentOf(id string, nodes map[string]*Node) *Node {
	for i := strings.LastIndexByte(id, '/'); i >= 0; i = strings.LastIndexByte(id[:i], '/') {
		if n := nodes[id[:i]]; n != nil {
			return n
		}
	}
	return nil
}

func sortNodes(nodes []*Node) {
	slices.SortFunc(nodes, func(a, b *Node) int { return strings.Compare(a.ID, b.ID) })
}
