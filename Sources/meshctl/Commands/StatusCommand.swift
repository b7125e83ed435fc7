// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshCore

/// `meshctl status`: says who has what of the configuration.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Says which clients of a control plane have its configuration, or what one mesh has.",
        usage: """
            meshctl status --control-plane HOST:PORT --token-file FILE
            meshctl status --mesh HOST:PORT
            """,
        discussion: """
            A control plane is asked at the address of its registration API, with a token that it knows; a mesh at the \
            address of its administration server. The exit status is 0 if everybody has what is served, 1 if somebody \
            does not or refuses it, and 2 if nobody answers.
            """
    )

    @Option(
        help: ArgumentHelp("Where a control plane is asked: HOST:PORT, or PORT on this machine.", valueName: "address")
    )
    var controlPlane: String?

    @Option(help: ArgumentHelp("The file with the control plane's token.", valueName: "file"))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp("Where a running mesh is asked: HOST:PORT, or PORT on this machine.", valueName: "address")
    )
    var mesh: String?

    @Option(help: "How the result is printed: text or json.")
    var format: OutputFormat = .text

    @Flag(help: "The same as --format json.")
    var json = false

    func validate() throws {
        guard (controlPlane == nil) != (mesh == nil) else {
            throw ValidationError("ask either a control plane or a mesh: --control-plane or --mesh")
        }
        guard tokenFile == nil || controlPlane != nil else {
            throw ValidationError("--token-file is for --control-plane")
        }
    }

    func run() async throws {
        do {
            let run = StatusRun(subject: try subject, format: json ? .json : format)
            try await run.outcome().finish()
        } catch let error as InputError {
            try CommandOutcome(status: .badInput, diagnostics: error.lines.map { "error: \($0)" }).finish()
        }
    }

    private var subject: StatusRun.Subject {
        get throws(InputError) {
            guard let controlPlane else {
                return .mesh(try HTTPQuestion.address(mesh ?? "", of: "the mesh's"))
            }
            let address = try HTTPQuestion.address(controlPlane, of: "the control plane's")
            guard let tokenFile else { return .controlPlane(address, token: nil) }
            let token = String(decoding: try InputFile(path: tokenFile).bytes, as: UTF8.self)
                .split(whereSeparator: \.isWhitespace)
            guard token.count == 1, let secret = token.first else {
                throw InputError("\(tokenFile): must hold one token and nothing else")
            }
            return .controlPlane(address, token: String(secret))
        }
    }
}
