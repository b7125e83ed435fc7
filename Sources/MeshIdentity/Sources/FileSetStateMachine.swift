// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What is done about files that belong together, after each look at all of them.
///
/// Contents are compared, not times: the files are small. What changed is tried at once, because files that were replaced
/// as a whole are whole at once; what does not fit is tried again when it changes, and told about when it stays so.
struct FileSetStateMachine: Sendable {
    /// What to do after a look.
    enum Action: Hashable, Sendable {
        /// Nothing new: look again after the interval.
        case rest
        /// Try these.
        case use([[UInt8]])
        /// A file cannot be read; somebody should know.
        case tell(String)
    }

    private var inUse: [Int]?
    private var tried: [Int]?
    private var refusals = 0
    private var problem: String?

    /// The files were looked at.
    mutating func looked(_ contents: [Result<[UInt8], FileProblem>]) -> Action {
        var files: [[UInt8]] = []
        for content in contents {
            switch content {
            case .success(let bytes): files.append(bytes)
            case .failure(let problem):
                // Once for each problem: a file that is missing for an hour is one piece of news.
                defer { self.problem = problem.description }
                return problem.description == self.problem ? .rest : .tell(problem.description)
            }
        }
        problem = nil
        let hashes = files.map(\.hashValue)
        guard hashes != inUse else { return .rest }
        if hashes != tried {
            tried = hashes
            refusals = 0
        }
        return .use(files)
    }

    /// What was tried is in use now.
    mutating func taken() {
        inUse = tried
    }

    /// What was tried does not fit.
    /// - Returns: Whether somebody should know: once, after so many looks at the same files.
    mutating func refused(patience: Int) -> Bool {
        refusals += 1
        return refusals == patience
    }
}

/// Why a file cannot be read.
struct FileProblem: Error, Hashable, Sendable {
    var description: String
}
