/** Starts the trainer and mounts the panels. */

import { Trainer } from "../index.js";
import { App } from "./app.js";
import { mountBanner, mountDevice } from "./banner.js";
import { mountChoose } from "./choose.js";
import { byId, StatusLine } from "./dom.js";
import { mountGather } from "./gather.js";
import { mountKeep } from "./keep.js";
import { mountLook } from "./look.js";
import { mountNext, mountSteps } from "./steps.js";
import { mountTrain } from "./train.js";
import { mountTry } from "./try.js";

async function start(): Promise<void> {
  const status = new StatusLine();
  byId("starting").append(status.element);
  status.busy("Starting …");
  try {
    const app = new App(await Trainer.create());
    app.adapters = await app.trainer.adapters();
    // Where they can't be listed, that is told, and all else works.
    const listed = await app.refreshRuns().then(() => null, (error: unknown) => error);
    if (listed === null) status.clear();
    else status.fail(listed);
    mountDevice(byId("device"), app);
    mountBanner(byId("banner"), app);
    mountGather(byId("data-body"), app);
    mountChoose(byId("model-body"), app);
    mountTrain(byId("train-body"), app);
    mountLook(byId("results-body"), app);
    mountTry(byId("try-body"), app);
    mountKeep(byId("export-body"), app);
    mountSteps(byId("steps"), app);
    mountNext(app);
    // The tests lose the device through this; a person has no use for it.
    Object.assign(globalThis, { tunesmith: app });
    byId("panels").hidden = false;
  } catch (error) {
    status.fail(error);
  }
}

void start();
