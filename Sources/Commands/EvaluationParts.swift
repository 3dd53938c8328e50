import Aviary

// Which rows of data a network is evaluated on: those that it was not trained on, as far as its checkpoint knows them.

extension EvaluationPart: OptionWord {
  /// Said of items that were held out of the last training and perhaps not of one before.
  static let mayHaveTrained = "may have trained a network that this one was fine-tuned from"
}

/// The choice of a part, and what is said about it.
struct PartChoice {
  /// What was asked for; nil for what was held out.
  let given: EvaluationPart?
  let checkpoint: Checkpoint
  let path: String
  let data: String
  /// What the data are.
  var noun = "file"

  /// The part of the data of the training, and how it was divided; nil for all of the data, after a line that says whether
  /// the network knows them.
  ///
  /// - Parameters:
  ///   - count: says how many items all of the data are.
  ///   - familiarity: nil for what the bytes of the file say.
  func division(
    all count: String, _ familiarity: Familiarity? = nil
  ) throws -> (part: EvaluationPart, split: RecordedSplit)? {
    switch try familiarity ?? Familiarity(checkpoint.metadata, file: data) {
    case .divided(let split):
      if given == .all {
        tell("\(data): all of \(count), most of which the network was trained on")
        return nil
      }
      let part = given ?? .test
      if part == .test && !split.holdsOutTest || part == .validation && split.validation == 0 {
        throw CommandFault.noPart(
          part: part.word, data: data, reason: "from which \(path) held out none: it had a file of its own",
          advice: "give \(ownFile(of: part) ?? "that file") with --data")
      }
      return (part, split)
    case .learnedBefore:
      try requireWhole("which is not the \(noun) of the network's last training")
      tell("\(data): all of \(count); \(checkpoint.metadata.formerNetwork(of: path)) was trained on them")
    case .otherFile:
      try requireWhole("which is not the \(noun) that the network was trained on")
      tell("\(data): all of \(count); it is not the \(noun) that the network was trained on")
    case .unknown:
      try requireWhole("whose division \(path) does not record")
      tell(
        "\(data): all of \(count); \(path) does not say how its data were divided, so the network may have been trained on them"
      )
    }
    return nil
  }

  /// The file that a part of the training came from, as its run names it; nil where the checkpoint is not in its run.
  private func ownFile(of part: EvaluationPart) -> String? {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    guard let options = (try? RunRecord(reading: folder))?.options,
      case .folder(let file)? = part == .test ? options.parts.test : options.validation
    else { return nil }
    return file
  }

  /// Says which part of the training's data is evaluated.
  func tellPart(_ part: EvaluationPart, count: Int, of total: Int, _ item: String) {
    let use =
      switch part {
      case .test where isKnown(part), .validation where isKnown(part): "some of which \(EvaluationPart.mayHaveTrained)"
      case .test: "which chose nothing and trained nothing"
      case .validation: "which chose the best epoch"
      case .train, .all: "which the network was trained on"
      }
    tell("\(data): \(part.word) part, \(counted(count, item)) of \(grouped(total)), \(use)")
  }

  private func isKnown(_ part: EvaluationPart) -> Bool {
    checkpoint.metadata.split?.wasLearnedBefore(part) ?? false
  }

  /// The recorded division does not lead to the parts of the training.
  func tellLost(all count: String) throws {
    try requireWhole("whose division cannot be repeated")
    tell(
      "\(data): all of \(count); the division of the training cannot be repeated, so the network may have been trained on them"
    )
  }

  private func requireWhole(_ reason: String) throws {
    if let given, given != .all { throw CommandFault.noPart(part: given.word, data: data, reason: reason) }
  }
}
