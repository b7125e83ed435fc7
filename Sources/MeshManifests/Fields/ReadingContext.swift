// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What the readers of one file's manifests share: where to report to, and the file's text.
final class ReadingContext {
    private(set) var diagnostics: [Diagnostic] = []
    private let source: SourceText

    init(source: SourceText) {
        self.source = source
    }

    func report(
        _ severity: Diagnostic.Severity,
        _ code: Diagnostic.Code,
        at position: SourcePosition,
        _ message: String
    ) {
        diagnostics.append(Diagnostic(severity, code, at: position, message))
    }

    func error(_ code: Diagnostic.Code, at position: SourcePosition, _ message: String) {
        report(.error, code, at: position, message)
    }

    func warning(_ code: Diagnostic.Code, at position: SourcePosition, _ message: String) {
        report(.warning, code, at: position, message)
    }

    /// The place of a byte inside a scalar.
    func position(of offset: Int, in text: Located<String>) -> SourcePosition {
        source.position(of: offset, in: text.value, at: text.position)
    }
}
