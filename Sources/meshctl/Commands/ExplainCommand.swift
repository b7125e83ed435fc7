// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshManifests

/// `meshctl explain`: says where a request would go and why.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says what a configuration makes of one request, without sending it.",
        discussion: """
            Files are xDS resources (YAML or JSON), a static bootstrap, or manifests of Istio and Kubernetes; a folder \
            stands for all its files of these kinds. The exit status is 0 if a route takes the request, 1 if none does, \
            and 2 if a file is bad.
            """
    )

    @Argument(help: "Files and folders.")
    var files: [String]

    @Option(help: "The request: a method and a URL, such as \"GET http://host/path\".")
    var request: String

    @Option(
        name: [.customShort("H"), .customLong("header")],
        help: "A header field of the request, as \"name: value\"."
    )
    var headers: [String] = []

    @Option(help: "The request's random number, which chooses among weighted clusters.")
    var random: UInt64 = 0

    @Option(help: "The caller's IP address.")
    var sourceAddress: String?

    @Option(help: "The client that manifests are compiled for: its namespace, and its labels behind a slash.")
    var client = "default"

    @Option(
        help: ArgumentHelp(
            "A running instance that manifests apply to, as NAMESPACE/SERVICE@HOST:PORT with labels behind commas.",
            valueName: "workload"
        )
    )
    var workload: [String] = []

    @Option(help: "The listener that takes what no other does.")
    var catchAllListener: String?

    @Option(help: "How the result is printed: text or json.")
    var format: OutputFormat = .text

    func run() throws {
        try outcome.finish()
    }

    private var outcome: CommandOutcome {
        do {
            let run = ExplainRun(
                request: try ExplainRequest(request, headers: headers).head,
                random: random,
                sourceAddress: sourceAddress,
                client: try ClientOption(client).node,
                workloads: try workload.map { text throws(InputError) in try WorkloadOption(text).workload },
                catchAllListener: catchAllListener,
                format: format
            )
            return run.outcome(try InputFolder.files(at: files))
        } catch {
            return CommandOutcome(status: .badInput, diagnostics: error.lines.map { "error: \($0)" })
        }
    }
}
