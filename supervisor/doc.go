// Package supervisor keeps actors alive: a failure of one takes down nothing but itself, is seen, and is retried for
// ever.
//
// An actor that embeds a [Strategy] supervises its children by it. The first restart comes at once, the following ones
// after 100 ms, doubling to a cap of 30 s. A child past its budget of ten is degraded: it is retried at the cap, never
// stopped and never escalated, because the stock ends of a budget are a child that is gone without a word, or a restart
// of all its siblings. Running forgives, one failure each six seconds.
//
// [System] holds what the actors of a process share. Actors are spawned from [System.Props], which guards them: a panic
// in Stopping, Stopped or Restarting, or a runtime.Goexit in Receive, would wedge a bare actor of protoactor-go and, by
// way of its parent's stop, everything above it.
//
// [Goroutines] starts every other goroutine of the program, for a panic in one that nobody watches ends the process.
//
// [History] and [System.Tree] show what happened and what lives.
package supervisor
