package messages_test

import (
	"fmt"

	"lb/messages"
)

func ExampleParseBackend() {
	b, err := messages.ParseBackend("http://App.internal:9001,weight=2")
	fmt.Println(b.ID(), b.Weight, err)
	_, err = messages.ParseBackend("localhost")
	fmt.Println(err)
	// Output:
	// app.internal:9001 2 <nil>
	// backend "localhost": no port; did you mean "localhost:80"?
}
