/// Why a run's folder could not be used.
public enum RunFault: Swift.Error, CustomStringConvertible, Equatable {
  /// A new run was to go where there is one already.
  case alreadyExists(path: String)
  /// A run was to continue where there is none.
  case notARun(path: String)
  /// The run is to go into the folder of its data.
  case insideData(path: String, data: String)
  /// The data lie in the folder of the run.
  case aroundData(path: String, data: String)
  /// Another process trains into the folder.
  case inUse(path: String)
  /// A file or folder cannot be written.
  case cannotWrite(path: String, reason: String)
  /// A file of the run cannot be read or understood.
  case cannotRead(path: String, reason: String)
  /// A line of a run's table is not what a run writes.
  case damagedTable(path: String, line: Int)

  public var description: String {
    switch self {
    case .alreadyExists(let path):
      "\(path): holds a training run already; continue it with --resume \(path), or choose another --output"
    case .notARun(let path):
      "\(path): is not a training run (it has no options.json); give the folder that --output named"
    case .insideData(let path, let data):
      "\(path): is inside the data folder \(data), where its files would be mistaken for data; choose another --output"
    case .aroundData(let path, let data):
      "\(path): contains the data folder \(data); choose another --output"
    case .inUse(let path):
      "\(path): another process is training there; wait for it, or choose another --output"
    case .cannotWrite(let path, let reason):
      "\(path): cannot be written (\(reason)); choose another --output, or make room there"
    case .damagedTable(let path, let line):
      "\(path): line \(line) is damaged; restore the file, or resume the run to rewrite it"
    case .cannotRead(let path, let reason):
      "\(path): cannot be read (\(reason)); start a new run with another --output"
    }
  }
}
