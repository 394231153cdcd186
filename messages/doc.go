// Package messages is the vocabulary that the parts of lb speak to each other: immutable values and nothing else.
//
// Orders are named in the imperative (Drain), facts in the past tense (Drained), values as nouns (Snapshot). Nothing
// inside a value is written after it was sent: slices and maps in it belong to everybody who holds it. So a value may
// cross a thread, and later a process, without a lock and without a copy.
//
// The package imports the standard library only and knows neither sockets nor actors nor the command line.
package messages
