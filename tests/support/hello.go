// The program of the hello-world image: static, like the one in Docker's own.
package main

import "fmt"

func main() { fmt.Println("Hello from Docker!") }
