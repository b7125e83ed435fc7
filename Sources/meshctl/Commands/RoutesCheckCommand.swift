// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser

/// `meshctl routes check`: tests a route table.
struct RoutesCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Runs tests in the format of Envoy's router check tool against a route table.",
        discussion: """
            The exit status is 0 if all tests pass, 1 if one fails or the coverage is too low, and 2 if a file is bad.
            """
    )

    @Argument(help: "A RouteConfiguration, a listener, or a static bootstrap, as YAML or JSON.")
    var configuration: String

    @Option(help: "The tests, as YAML or JSON.")
    var tests: String

    @Option(help: "The listener of a bootstrap whose routes are tested.")
    var listener: String?

    @Option(help: "The name of the route configuration in a bootstrap.")
    var routeConfiguration: String?

    @Flag(help: "Tell which routes no test covers.")
    var coverage = false

    @Flag(help: "Count every field of every route for the coverage, and not the routes alone.")
    var comprehensive = false

    @Option(help: ArgumentHelp("The coverage below which the command fails.", valueName: "percent"))
    var failUnder: Double?

    @Option(help: "How the result is printed: text or json.")
    var format: OutputFormat = .text

    func validate() throws {
        guard let failUnder, !(0...100).contains(failUnder) else { return }
        throw ValidationError("--fail-under must be from 0 to 100, is \(failUnder)")
    }

    func run() throws {
        let run = RouteCheckRun(
            selection: RouteTableSelection(listener: listener, routeConfiguration: routeConfiguration),
            showsCoverage: coverage,
            isComprehensive: comprehensive,
            failUnder: failUnder,
            format: format
        )
        let outcome = run.outcome(
            configuration: { () throws(InputError) in try InputFile(path: configuration) },
            tests: { () throws(InputError) in try InputFile(path: tests) }
        )
        try outcome.finish()
    }
}
