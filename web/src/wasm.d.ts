/** The module that wasm-bindgen writes from `crates/web`, beside the compiled worker. */
declare module "*/tunesmith_web.js" {
  export default function init(): Promise<unknown>;
  export function open(hub?: string): Promise<string>;
  export function request(number: number, json: string): Promise<string>;
  export function cancel(number: number): void;
  export function start_run(config_json: string): void;
  export function next_record(): Promise<string | undefined>;
  export function command(json: string): void;
  export function write_file(path: string, bytes: Uint8Array, append: boolean): Promise<void>;
  export function read_file(path: string, offset: number, length: number): Uint8Array<ArrayBuffer>;
  export function on_event(callback: (json: string) => void): void;
  export function destroy_device(): void;
}
