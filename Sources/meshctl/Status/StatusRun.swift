// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import ServiceMesh

/// One run of `meshctl status`: what a control plane's clients have, or what one mesh has.
struct StatusRun {
    /// Who is asked.
    enum Subject: Equatable {
        /// A control plane's registration API, with a token of it.
        case controlPlane(EndpointAddress, token: String?)
        /// A mesh's administration.
        case mesh(EndpointAddress)
    }

    /// Who is asked.
    var subject: Subject
    /// How the answer is printed.
    var format = OutputFormat.text
    /// The most bytes of an answer. Default 64 MiB: some 10 000 clients with all that is ignored.
    var maximumAnswer = 64 << 20
    /// How long the answer may take.
    var timeout = Nanoseconds.seconds(10)

    /// Asks; the status is a failure if somebody does not have what is served.
    func outcome() async -> CommandOutcome {
        do {
            switch subject {
            case .controlPlane(let address, let token):
                let question = question("the control plane", address, "/v1/status", token)
                let status = try await question.answer(as: ControlPlaneStatus.self)
                return outcome(status, isApplied: status.isApplied, lines: status.lines)
            case .mesh(let address):
                let question = question("the mesh", address, "/status", nil)
                let status = try await question.answer(as: MeshStatus.self)
                return outcome(status, isApplied: status.isApplied, lines: status.lines)
            }
        } catch {
            return CommandOutcome(status: .badInput, diagnostics: error.lines.map { "error: \($0)" })
        }
    }

    private func question(_ peer: String, _ address: EndpointAddress, _ target: String, _ token: String?)
        -> HTTPQuestion
    {
        HTTPQuestion(
            peer: peer,
            address: address,
            target: target,
            token: token,
            maximumAnswer: maximumAnswer,
            timeout: timeout
        )
    }

    private func outcome(_ answer: some Encodable, isApplied: Bool, lines: [String]) -> CommandOutcome {
        var output = lines
        if format == .json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let bytes = (try? encoder.encode(answer)) ?? Data()
            output = [String(decoding: bytes, as: UTF8.self)]
        }
        return CommandOutcome(status: isApplied ? .success : .failure, output: output)
    }
}
