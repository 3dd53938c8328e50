/// Why a search cannot begin or go on.
public enum SearchFault: Swift.Error, Equatable, Sendable, CustomStringConvertible {
  /// The text of a parameter cannot be understood.
  case malformed(text: String, reason: String)
  /// A setting is searched twice.
  case repeated(name: String)
  /// A condition names a setting that is not searched.
  case unknownCondition(name: String, other: String)
  /// A condition names a value that its setting never has.
  case unknownValue(name: String, other: String, value: String)
  /// Settings wait for each other.
  case cyclic(name: String)
  /// A value to start with is not one of its setting.
  case outside(name: String, value: String)
  /// A grid needs a number of values for each setting.
  case endless(name: String)
  /// A grid has more points than can be counted out.
  case tooManyPoints
  /// The file holds something else than a study.
  case notAStudy(path: String)
  /// The study has what no search writes.
  case damaged(path: String, what: String)
  /// A later version wrote the study.
  case newerVersion(path: String, version: String)
  /// The study was begun with other settings than are asked for now.
  case otherStudy(path: String, what: String, was: String)
  /// The trials so far read something else than there is now.
  case otherInput(path: String, Study.Input, names: String)
  /// Another process has taken this trial over.
  case claimLost(trial: Int)

  /// One line: the setting or the file, and what to do.
  public var description: String {
    switch self {
    case .malformed(let text, let reason): "'\(text)': \(reason)"
    case .repeated(let name): "\(name) is given twice"
    case .unknownCondition(let name, let other): "\(name) depends on \(other), which is not searched"
    case .unknownValue(let name, let other, let value):
      "\(name) depends on \(other)=\(value), which is none of its values"
    case .cyclic(let name): "\(name) depends on itself"
    case .outside(let name, let value): "\(name)=\(value) is not one of the values that are searched"
    case .endless(let name): "\(name) has no end of values; a grid needs a list, or a range with :points=N"
    case .tooManyPoints: "the grid has more than a million points; leave values out, or use another method"
    case .notAStudy(let path): "\(path): holds no study; give another file"
    case .damaged(let path, let what): "\(path): the study is damaged (\(what)); give another file"
    case .newerVersion(let path, let version):
      "\(path): was written by a later version (\(version) of the format); use a newer Aviary"
    case .otherStudy(let path, let what, let was):
      "\(path): the study was begun with \(what.hasSuffix("s") ? "other" : "another") \(what): \(was); give the same, or another file"
    case .otherInput(let path, .data, let names):
      "\(path): \(names) holds other data than the study's trials had so far; give the same data, or another file"
    case .otherInput(let path, .checkpoint, let names):
      "\(path): \(names) is not the checkpoint that the study's trials began with so far; give the same checkpoint, or another study"
    case .otherInput(let path, .files, let names):
      "\(path): what is in \(names) has changed since the study's trials so far; give the same files, or another study"
    case .claimLost(let trial): "trial \(trial) was taken over by another process"
    }
  }
}
