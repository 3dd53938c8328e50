import AviaryArchives
import AviaryDatasets

/// Where the parts of a run come from: parts that come from the same place hold the same items.
struct RepeatedParts<Source: Equatable> {
  /// nil where it cannot be compared.
  let training: Source?
  /// nil where the part is held out from among the items of the training's place, or is not there.
  let validation: Source?
  let test: Source?

  /// A line for each part whose scores do not say what they seem to say.
  ///
  /// - Parameter path: the data of the run.
  func remarks(_ path: String) -> [String] {
    var remarks: [String] = []
    if let validation, validation == training {
      remarks.append("\(path): the validation part is the data that are trained on; its scores do not show overfitting")
    }
    if let test, test == training {
      remarks.append("\(path): the test part is the data that are trained on; its score says nothing about new data")
    } else if let test, test == validation {
      remarks.append("\(path): the test part is the validation part, which chooses the best epoch; give another one")
    }
    return remarks
  }
}

extension ImageFolder {
  /// What tells a folder from all others: the names of its files, and its first file.
  struct Place: Equatable {
    let names: DataFingerprint
    let first: FileSystem.Status.Identity
  }

  /// nil for packed images, which are no files.
  var place: Place? {
    guard let first = entries.first, let status = FileSystem.status(first.path) else { return nil }
    var names = DataFingerprint()
    names.add(self)
    return Place(names: names, first: status.identity)
  }
}
