import Aviary

// Data other than images.

extension PredictCommand {
  /// Whether a name is that of a file with a token a line.
  static func isText(_ path: String) -> Bool {
    [".txt", ".conll", ".conllu", ".bio", ".iob", ".iob2"].contains { path.hasSuffix($0) }
  }

  /// Predicts the nodes of graphs, and the graphs of collections.
  func predictGraphs(_ paths: [String]) throws {
    try columns.requireNone(path: checkpoint)
    let evaluation = try DataEvaluation(checkpoint, source, weights: weights)
    var predictions = GraphPredictions(top: top, decision: evaluation.announcedDecision(), temperature: temperature)
    for path in paths {
      let isCollection = GraphCollection.isPresent(at: path)
      if isCollection ? nodes != nil : graphs != nil {
        throw CommandFault.otherItems(
          option: isCollection ? "--nodes" : "--graphs", path: path, found: isCollection ? "a collection" : "one graph",
          other: isCollection ? "--graphs" : "--nodes")
      }
      if isCollection {
        try predictions.addGraphs(path, graphs, evaluation)
      } else {
        try predictions.addNodes(path, nodes, evaluation)
      }
    }
    try deliver(predictions.predictions, hasClasses: true, lines: predictions.lines)
    if let first = predictions.faults.first {
      throw CommandFault.unpredictedItems(count: predictions.faults.count, of: predictions.count, first: first)
    }
  }

  /// Predicts the rows of tables, series, and files of texts.
  func predictTables(_ images: [String]) throws {
    let evaluation = try DataEvaluation(checkpoint, source, weights: weights, beam: writing.beam)
    if let (model, preparation) = try evaluation.unlabeled() {
      return try predict(images, UnlabeledPredictions(model, preparation, top: top, user: user), evaluation)
    }
    if user != nil { throw CommandFault.noRatings(path: evaluation.path) }
    if try predictFiles(images, evaluation) { return }
    if let text = images.first(where: Self.isText), !(evaluation.model is any SequenceTagger) {
      throw CommandFault.unlabeledText(path: evaluation.path, text: text)
    }
    var predictions = TablePredictions(top: top, decision: evaluation.announcedDecision(), temperature: temperature)
    var hasClasses = false
    switch try evaluation.tablePreparation(for: images[0], columns, needsTarget: false) {
    case .series(let preprocessing):
      let model = try evaluation.seriesModel(preprocessing)
      let classes = try evaluation.plainClasses(columns)
      hasClasses = !classes.isEmpty
      for path in images { predictions.addNext(path, model, preprocessing, classes: classes) }
    case .textColumn(let preprocessing):
      let predictor = try evaluation.textPredictor(preprocessing)
      hasClasses = true
      for path in images { predictions.add(path, predictor, evaluation.model) }
    case .tags(let preprocessing):
      let predictor = try evaluation.tagPredictor(preprocessing)
      for path in images { predictions.add(path, predictor, evaluation.model) }
    case .translation(let preprocessing):
      let writer = try evaluation.translator(preprocessing)
      for path in images { predictions.add(path, writer, preprocessing, beam: evaluation.beam, evaluation.model) }
    case .generation(let preprocessing):
      let writer = try evaluation.generator(preprocessing)
      for path in images { predictions.add(path, writer, preprocessing, beam: evaluation.beam, evaluation.model) }
    case .rows(let preprocessing):
      let model = try evaluation.tableModel(preprocessing)
      hasClasses = preprocessing.target.task != .regression
      for path in images { predictions.add(path, model, preprocessing) }
    }
    try deliver(predictions.predictions, hasClasses: hasClasses, lines: predictions.lines)
    if let first = predictions.faults.first {
      throw CommandFault.unpredictedRows(count: predictions.faults.count, of: predictions.count, first: first)
    }
  }

  private func predict(_ tables: [String], _ empty: UnlabeledPredictions, _ evaluation: DataEvaluation) throws {
    try columns.requireNone(path: evaluation.path)
    if user != nil {
      guard case .ratings = empty.preparation else { throw CommandFault.noRatings(path: evaluation.path) }
    }
    var predictions = empty
    for path in tables { predictions.add(path) }
    try deliver(predictions.predictions, lines: predictions.lines)
    if let first = predictions.faults.first {
      throw CommandFault.unpredictedRows(count: predictions.faults.count, of: predictions.count, first: first)
    }
  }
}
