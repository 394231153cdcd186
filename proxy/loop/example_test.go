//go:build !sim

package loop_test

import (
	"fmt"

	"lb/proxy/loop"
)

// deadline is the owner of a timer.
type deadline struct {
	loop  *loop.Loop
	timer loop.Timer
}

func (d *deadline) Expired(int64) (next int64) {
	fmt.Println("the timer expired")
	d.loop.Stop()
	return 0
}

func Example() {
	l, err := loop.New(loop.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	l.Schedule(func() {
		fmt.Println("on the loop's thread")
		d := &deadline{loop: l}
		d.timer.Owner = d
		l.Arm(&d.timer, l.Now()+1)
	})
	if err := l.Run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// on the loop's thread
	// the timer expired
}
