// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshCore
import MeshManifests
import ServiceMesh

/// `meshctl explain`: says where a request would go and why.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says what a configuration makes of one request, without sending it.",
        usage: """
            meshctl explain FILES… --request "GET http://host/path"
            meshctl explain --mesh HOST:PORT GET http://host/path
            """,
        discussion: """
            With --mesh a mesh that runs is asked, at the address of its administration server. \
            Files are xDS resources (YAML or JSON), a static bootstrap, or manifests of Istio and Kubernetes; a folder \
            stands for all its files of these kinds. The exit status is 0 if a route takes the request, 1 if none does, \
            and 2 if a file is bad or the mesh does not answer.
            """
    )

    @Argument(help: "Files and folders; with --mesh the request's method and URL.")
    var files: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where a running mesh is asked: HOST:PORT, or PORT on this machine.",
            valueName: "address"
        )
    )
    var mesh: String?

    @Option(help: "The request: a method and a URL, such as \"GET http://host/path\".")
    var request: String?

    @Option(
        name: [.customShort("H"), .customLong("header")],
        help: "A header field of the request, as \"name: value\"."
    )
    var headers: [String] = []

    @Option(help: "The request's random number, which chooses among weighted clusters; default 0.")
    var random: UInt64?

    @Option(help: "The caller's IP address.")
    var sourceAddress: String?

    @Option(
        help: "The client that manifests are compiled for: its namespace (default: default), labels behind a slash."
    )
    var client: String?

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

    @Flag(help: "The same as --format json.")
    var json = false

    func validate() throws {
        guard mesh != nil else {
            if files.isEmpty { throw ValidationError("name files, or a running mesh by --mesh") }
            if request == nil { throw ValidationError("--request is missing") }
            return
        }
        let isAboutFiles =
            random != nil || sourceAddress != nil || client != nil || !workload.isEmpty || catchAllListener != nil
        if isAboutFiles {
            throw ValidationError("a running mesh is asked about the request alone: its method, URL and header fields")
        }
        guard request == nil ? (1...2).contains(files.count) : files.isEmpty else {
            throw ValidationError("ask a running mesh about one request: METHOD URL")
        }
    }

    func run() async throws {
        try await outcome.finish()
    }

    private var outcome: CommandOutcome {
        get async {
            do {
                let request = try ExplainRequest(request ?? files.joined(separator: " "), headers: headers).head
                let format = json ? OutputFormat.json : format
                if let mesh {
                    let address = try MeshQuestion.address(mesh)
                    return await MeshQuestion(address: address, request: request, format: format).outcome()
                }
                return try outcome(ofFiles: request, format)
            } catch {
                return CommandOutcome(status: .badInput, diagnostics: error.lines.map { "error: \($0)" })
            }
        }
    }

    private func outcome(
        ofFiles request: PreviewedRequest,
        _ format: OutputFormat
    ) throws(InputError) -> CommandOutcome {
        let run = ExplainRun(
            request: request,
            random: random ?? 0,
            sourceAddress: sourceAddress,
            client: try ClientOption(client ?? "default").node,
            workloads: try workload.map { text throws(InputError) in try WorkloadOption(text).workload },
            catchAllListener: catchAllListener,
            format: format
        )
        return run.outcome(try InputFolder.files(at: files))
    }
}
